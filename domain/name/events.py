"""What can have happened to a name of which there can be only one: a user's name, a tag of a repository."""

from domain.event import Event


class NameClaimed(Event, frozen=True, kw_only=True):
    """The name belongs to this owner. The stream follows from kind and name, so that two claims meet."""

    TOPIC = "name.claimed"
    PERSONAL = {"name": "owner"}
    kind: str
    name: str
    owner: str


class NameFreed(Event, frozen=True, kw_only=True):
    """The name may be claimed again."""

    TOPIC = "name.freed"
