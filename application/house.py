"""What every command handler stands on: the log, the clock, ids, and the one way a command runs."""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from application.caller import Caller
from application.ports.log import Conflict, Log
from application.work import Cache, Work
from domain.access import require
from domain.errors import Refused
from domain.event import Event

TRIES = 20
"""How often a command is decided anew because somebody else wrote one of its streams first."""
PAUSE, DOUBLINGS = 0.002, 6
"""Seconds that it waits at most before the second try, and how often that doubles: of many who meet in one stream, one comes through at a time."""
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


class Contended(Refused):
    """Others changed the same thing all the time; nothing was stored. The same command may be tried again."""


@dataclass(frozen=True)
class Done:
    """What came of a command: the id of the thing it was about, and the log position to wait for (0: nothing was stored)."""

    id: str
    position: int
    events: tuple[Event, ...] = ()
    repeated: bool = False


def new_id(prefix: str) -> str:
    """`<prefix>_` and 26 characters that sort by time: a ULID in lower case."""
    number = (int(datetime.now(UTC).timestamp() * 1000) << 80) | int.from_bytes(os.urandom(10))
    return f"{prefix}_" + "".join(ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class House:
    log: Log
    clock: Callable[[], datetime] = utc_now
    new_id: Callable[[str], str] = new_id
    cache: Cache = field(default_factory=Cache)

    async def run(self, caller: Caller, action: str, decide: Callable[[Work], Awaitable[str]], asked: object = None) -> Done:
        """May you? → load → decide → append; again from the load when somebody else was faster.

        `decide` returns the id of the thing the command is about, and must record that thing's fact first. `asked`: the
        command's content; the same id with another content is refused.
        """
        require(caller.actor, action)
        request = msgspec.json.encode([action, asked], order="deterministic")
        if caller.repeatable and (known := await self.log.command(caller.command)):
            return await self._append(caller, known[0].stream, known, request)
        for tries in range(TRIES):
            work = Work(self.log, self.cache)
            id = await decide(work)
            if not work.events:
                return Done(id, 0)
            try:
                return await self._append(caller, id, work.events, request)
            except Conflict:
                await asyncio.sleep(random.random() * PAUSE * 2 ** min(tries, DOUBLINGS))
        raise Contended("others keep changing the same thing: try again")

    async def _append(self, caller: Caller, id: str, events: list[Event], request: bytes) -> Done:
        appended = await self.log.append(events, caller.command, caller.origin, request)
        if not appended.repeated:
            return Done(id, appended.position, tuple(events))
        known = await self.log.command(caller.command) or []
        return Done(known[0].stream if known else id, appended.position, tuple(known), repeated=True)
