"""What can have happened to an application: something that is built from a repository and deployed."""

from domain.event import Event, Json


class ApplicationCreated(Event, frozen=True, kw_only=True):
    """An application is known. A secret setting holds `{"secret": "sec_…"}`."""

    TOPIC = "application.created"
    name: str
    repository: str
    type: str
    config: Json


class ApplicationChanged(Event, frozen=True, kw_only=True):
    """The application now has this name, type and config; its repository stays."""

    TOPIC = "application.changed"
    name: str
    type: str
    config: Json


class ApplicationDeleted(Event, frozen=True, kw_only=True):
    """The application was taken out of use."""

    TOPIC = "application.deleted"
