"""What can have happened to users and their tokens. A token's value is never here, nor its digest."""

from datetime import datetime

from domain.event import Event


class UserCreated(Event, frozen=True, kw_only=True):
    """Somebody may now act here, with these roles."""

    TOPIC = "user.created"
    PERSONAL = {"username": "stream", "email": "stream"}
    username: str
    email: str
    roles: tuple[str, ...]


class UserForgotten(Event, frozen=True, kw_only=True):
    """The key to this person's name and address is destroyed. The stream is a user's, or that of an address that is no user's."""

    TOPIC = "user.forgotten"
    pseudonyms: tuple[str, ...] = ()
    """Ids that led to the person by the name or by the address; they lead nowhere any more."""


class TokenIssued(Event, frozen=True, kw_only=True):
    """A user got a token."""

    TOPIC = "token.issued"
    PERSONAL = {"name": "user_id"}
    user_id: str
    name: str
    expires_at: datetime | None = None


class TokenRevoked(Event, frozen=True, kw_only=True):
    """A token is worth nothing any more."""

    TOPIC = "token.revoked"
    reason: str
