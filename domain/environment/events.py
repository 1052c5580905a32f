"""What can have happened to an environment: a place where applications run."""

from domain.event import Event, Json


class EnvironmentCreated(Event, frozen=True, kw_only=True):
    """An environment is known. A secret setting holds `{"secret": "sec_…"}`."""

    TOPIC = "environment.created"
    name: str
    type: str
    config: Json
    is_active: bool


class EnvironmentChanged(Event, frozen=True, kw_only=True):
    """The environment now has this name, type, config and activity."""

    TOPIC = "environment.changed"
    name: str
    type: str
    config: Json
    is_active: bool


class EnvironmentObserved(Event, frozen=True, kw_only=True):
    """Somebody asked how the environment is, and this was the answer: `healthy`, `degraded` or `unreachable`."""

    TOPIC = "environment.observed"
    status: str
    message: str


class EnvironmentDeleted(Event, frozen=True, kw_only=True):
    """The environment was taken out of use."""

    TOPIC = "environment.deleted"
