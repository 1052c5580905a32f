"""Users and their tokens: who they are, and how a token becomes an actor."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from application.caller import Caller
from application.house import Done, House
from application.ports.credentials import Credentials
from application.work import Work
from domain.access import ROLES, Actor
from domain.errors import Invalid
from domain.user.events import TokenIssued, UserCreated
from domain.user.model import Token, User


@dataclass(frozen=True)
class CreateUser:
    username: str
    email: str = ""
    roles: tuple[str, ...] = ("viewer",)


class Users:
    def __init__(self, house: House, credentials: Credentials) -> None:
        self._house, self._credentials = house, credentials

    async def create(self, caller: Caller, command: CreateUser) -> Done:
        async def act(work: Work) -> str:
            if unknown := [role for role in command.roles if role not in ROLES]:
                raise Invalid(f"there is no role {unknown[0]!r}", field="roles", known=list(ROLES))
            id, at, by = self._house.new_id("usr"), self._house.clock(), caller.actor.id
            name = await work.name("user", command.username)
            work.record(UserCreated(stream=id, version=1, at=at, by=by, username=command.username, email=command.email, roles=command.roles),
                        name.claim("user", command.username, id, at=at, by=by))
            return id

        return await self._house.run(caller, "user:create", act, command)

    async def find(self, username: str) -> str | None:
        """The id of a user by name."""
        return (await Work(self._house.log, self._house.cache).name("user", username)).owner or None

    async def issue_token(self, caller: Caller, user: str, name: str, days: int | None = None, value: str = "") -> tuple[str, Done]:
        """A new token for a user; its value is kept nowhere, so a repetition is answered '' instead. `value`: one that the caller chose,
        and chooses again when the call is repeated: the token's id then follows from the call, so that of several servers that start
        with one setting each leaves the same behind."""
        if days is not None and days < 1:
            raise Invalid("a token is good for a day at least", field="days")
        new = value or "tgd_" + secrets.token_urlsafe(32)

        async def act(work: Work) -> str:
            id, at = f"tok_{caller.command.hex}" if value else self._house.new_id("tok"), self._house.clock()
            await work.account(user)
            await self._credentials.put(id, digest_of(new))
            expires = at + timedelta(days=days) if days is not None else None
            work.record(TokenIssued(stream=id, version=1, at=at, by=caller.actor.id, user_id=user, name=name, expires_at=expires))
            return id

        done = await self._house.run(caller, "token:issue", act, (user, name, days))
        return value if done.repeated else new, done

    async def revoke_token(self, caller: Caller, id: str, reason: str = "") -> Done:
        async def act(work: Work) -> str:
            work.record(*(await work.token(id)).revoke(reason, at=self._house.clock(), by=caller.actor.id))
            return id

        return await self._house.run(caller, "token:revoke", act, (id, reason))

    async def authenticate(self, value: str) -> Actor | None:
        """Who presents this token; None where it is unknown, expired or revoked. Read from the log, so a revocation holds at once."""
        id = await self._credentials.find(digest_of(value))
        if id is None:
            return None
        work = Work(self._house.log, self._house.cache)
        token: Token | None = await work.find(id)
        if token is None or not token.is_good(self._house.clock()):
            return None
        user: User = await work.find(token.user_id)
        return Actor(user.id, user.email or user.username, frozenset(user.roles))


def digest_of(value: str) -> bytes:
    """A token is 256 random bits: a plain digest cannot be guessed."""
    return hashlib.sha256(value.encode()).digest()
