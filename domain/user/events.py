"""What can have happened to users and their tokens. A token's value is never here, nor its digest."""

from datetime import datetime

from domain.event import Event


class UserCreated(Event, frozen=True, kw_only=True):
    """Somebody may now act here, with these roles."""

    TOPIC = "user.created"
    username: str
    email: str
    roles: tuple[str, ...]


class TokenIssued(Event, frozen=True, kw_only=True):
    """A user got a token."""

    TOPIC = "token.issued"
    user_id: str
    name: str
    expires_at: datetime | None = None


class TokenRevoked(Event, frozen=True, kw_only=True):
    """A token is worth nothing any more."""

    TOPIC = "token.revoked"
    reason: str
