"""Users and their tokens. A token is a stream of its own, so that revoking one meets nobody."""

from collections.abc import Collection
from datetime import datetime

import msgspec

from domain.errors import Refused
from domain.event import Event
from domain.personal import FORGOTTEN
from domain.user.events import TokenIssued, TokenRevoked, UserCreated, UserForgotten

ADMIN = "admin"
"""The account that the server makes and needs: nobody's name."""


class User(msgspec.Struct, frozen=True):
    id: str
    version: int
    username: str
    email: str
    roles: tuple[str, ...]
    deleted: bool = False
    """Forgotten: whoever it was can do nothing here any more."""

    def forget(self, pseudonyms: Collection[str], *, at: datetime, by: str) -> list[Event]:
        """Nothing, if it has been done."""
        if self.deleted:
            return []
        if self.username == ADMIN:
            raise Refused(f"{ADMIN} is the account that the server itself needs, nobody's name: it stays")
        return [forgotten(self.id, self.version + 1, pseudonyms, at=at, by=by)]


class Token(msgspec.Struct, frozen=True):
    id: str
    version: int
    user_id: str
    expires_at: datetime | None = None
    revoked: bool = False

    def is_good(self, now: datetime) -> bool:
        return not self.revoked and (self.expires_at is None or now < self.expires_at)

    def revoke(self, reason: str, *, at: datetime, by: str) -> list[Event]:
        """Nothing, if it is worth nothing already."""
        if self.revoked:
            return []
        return [TokenRevoked(stream=self.id, version=self.version + 1, at=at, by=by, reason=reason)]


def forgotten(stream: str, version: int, pseudonyms: Collection[str], *, at: datetime, by: str) -> UserForgotten:
    return UserForgotten(stream=stream, version=version, at=at, by=by, pseudonyms=tuple(sorted(pseudonyms)))


def evolve_user(user: User | None, event: Event) -> User:
    if isinstance(event, UserCreated):
        return User(event.stream, event.version, event.username, event.email, event.roles)
    if isinstance(event, UserForgotten):
        return User(event.stream, event.version, FORGOTTEN, "", (), deleted=True)
    raise TypeError(f"not a fact about a user: {event}")


def evolve_token(token: Token | None, event: Event) -> Token:
    if isinstance(event, TokenIssued):
        return Token(event.stream, event.version, event.user_id, event.expires_at)
    if token is not None and isinstance(event, TokenRevoked):
        return msgspec.structs.replace(token, version=event.version, revoked=True)
    raise TypeError(f"not a fact about a token: {event}")
