"""Users and their tokens: who they are, and how a token becomes an actor."""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from application.caller import Caller
from application.house import Done, House
from application.ports.catalog import Catalog
from application.ports.credentials import Credentials
from application.ports.people import People
from application.work import Work
from domain.access import ROLES, Actor, require
from domain.errors import Invalid, NotFound
from domain.name.model import Name
from domain.user.events import TokenIssued, UserCreated, UserForgotten
from domain.user.model import Token, User, forgotten


@dataclass(frozen=True)
class CreateUser:
    username: str
    email: str = ""
    roles: tuple[str, ...] = ("viewer",)


class Users:
    def __init__(self, house: House, credentials: Credentials, people: People, catalog: Catalog) -> None:
        self._house, self._credentials, self._people, self._catalog = house, credentials, people, catalog

    async def create(self, caller: Caller, command: CreateUser) -> Done:
        require(caller.actor, "user:create")

        async def act(work: Work) -> str:
            if unknown := [role for role in command.roles if role not in ROLES]:
                raise Invalid(f"there is no role {unknown[0]!r}", field="roles", known=list(ROLES))
            id, at, by = self._house.new_id("usr"), self._house.clock(), caller.actor.id
            name = await self._name(work, command.username)
            work.record(UserCreated(stream=id, version=1, at=at, by=by, username=command.username, email=command.email, roles=command.roles),
                        name.claim("user", command.username, id, at=at, by=by))
            return id

        asked = (await self._people.name(command.username), command.roles)  # no digest of a name or an address: it could be guessed
        return await self._house.run(caller, "user:create", act, asked)

    async def made_by(self, caller: Caller) -> str | None:
        """The id of the user that this call has made before, also where the key to the name is lost."""
        known = await self._house.log.command(caller.command)
        return known[0].stream if known else None

    async def _name(self, work: Work, username: str) -> Name:
        """The claim of a user's name. Those of before names were sealed stand in streams that are digests of the name."""
        old = await work.name("user", username)
        return old if old.owner else cast(Name, await work.find(await self._people.name(username)))

    async def find(self, username: str) -> str | None:
        """The id of a user by name."""
        work = Work(self._house.log, self._house.cache)
        if owner := (await work.name("user", username)).owner:
            return str(owner)
        name = await self._people.known_name(username)
        return (cast(Name, await work.find(name)).owner or None) if name else None

    async def forget(self, caller: Caller, who: str) -> Done:
        """Destroy what makes somebody readable: a user by id or name, or a mail address that is no user's. Again, it changes nothing.
        What a crash leaves undone is done by a process that follows the log. Raises NotFound."""
        require(caller.actor, "user:forget")
        id = await self._whose(who)
        tokens = await self._catalog.tokens(id)

        async def act(work: Work) -> str:
            at, by = self._house.clock(), caller.actor.id
            found: User | None = await work.find(id)
            if found is None:
                work.record(forgotten(id, 1, (), at=at, by=by))
            elif events := found.forget(await self._pseudonyms(work, found), at=at, by=by):
                work.record(*events)
                for token in tokens:
                    work.record(*(await work.token(token)).revoke("its user is forgotten", at=at, by=by))
                name = await work.name("user", found.username)
                work.record(*name.free(at=at, by=by) if name.owner == id else [])
            return id

        done = await self._house.run(caller, "user:forget", act, id)
        for event in await self._house.log.stream(id):
            if isinstance(event, UserForgotten):
                await self._people.erase((id, *event.pseudonyms))
        return done

    async def _whose(self, who: str) -> str:
        if who.startswith("usr_") and await Work(self._house.log, self._house.cache).find(who):
            return who
        if found := await self.find(who) or await self._people.known_addressee(who):
            return found
        raise NotFound(f"there is no user {who}, and no message was to be sent to such an address")

    async def _pseudonyms(self, work: Work, user: User) -> list[str]:
        address = await self._people.known_addressee(user.email) if user.email else None
        name = await self._name(work, user.username)
        return [id for id in (name.id, address) if id]

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
        """Who presents this token; None where it is unknown, expired or revoked, or its user forgotten. Read from the log, so
        that a revocation holds at once."""
        id = await self._credentials.find(digest_of(value))
        if id is None:
            return None
        work = Work(self._house.log, self._house.cache)
        if (known := self._house.cache.get(id)) is not None:  # whose a token is never changes: both are read together
            await asyncio.gather(work.find(id), work.find(known.user_id))
        token: Token | None = await work.find(id)
        if token is None or not token.is_good(self._house.clock()):
            return None
        user: User = await work.find(token.user_id)
        if user.deleted:
            return None
        return Actor(user.id, user.email or user.username, frozenset(user.roles))


def digest_of(value: str) -> bytes:
    """A token is 256 random bits: a plain digest cannot be guessed."""
    return hashlib.sha256(value.encode()).digest()
