"""What every command handler stands on: the log, the clock, ids, and the one way a command runs."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from application.caller import Caller
from application.chance import sixteen
from application.lately import LARGEST, Lately
from application.ports.log import Conflict, Log, LogUnavailable
from application.work import Cache, Work
from domain.access import require
from domain.errors import Refused
from domain.event import Event

TRIES = 20
"""How often a command is decided anew because somebody else wrote one of its streams first."""
PAUSE, DOUBLINGS = 0.002, 6
"""Seconds that it waits at most before the second try, and how often that doubles: of many who meet in one stream, one comes through at a time."""
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
PAIRS = tuple(first + second for first in ALPHABET for second in ALPHABET)
SHIFTS = tuple(range(40, -1, -10))


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
    chance = sixteen()
    return f"{prefix}_{moment(time.time_ns() // 1_000_000)}{eight(int.from_bytes(chance[:5]))}{eight(int.from_bytes(chance[5:10]))}"


@lru_cache(1)
def moment(milliseconds: int) -> str:
    """In ten characters: under load the same for many."""
    return "".join([PAIRS[milliseconds >> shift & 1023] for shift in SHIFTS])


def eight(number: int) -> str:
    """The characters of 40 bits: Python is quick with numbers as small as that."""
    return PAIRS[number >> 30] + PAIRS[number >> 20 & 1023] + PAIRS[number >> 10 & 1023] + PAIRS[number & 1023]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class House:
    log: Log
    clock: Callable[[], datetime] = utc_now
    new_id: Callable[[str], str] = new_id
    cache: Cache = field(default_factory=Cache)
    lately: Lately = field(default_factory=Lately)

    async def run(self, caller: Caller, action: str, decide: Callable[[Work], Awaitable[str]], asked: object = None) -> Done:
        """May you? → load → decide → append; again, on what the log says by then, when somebody else was faster.

        The first try believes the cache. The log compares what it read when the facts are stored; a refusal, or nothing to store, is
        decided again on what the log says (docs/decisions/0010-cached-states.md).

        `decide` returns the id of the thing the command is about, and must record that thing's fact first. `asked`: the
        command's content; the same id with another content is refused.
        """
        require(caller.actor, action)
        request = msgspec.json.encode([action, asked], order="deterministic")
        if caller.repeatable and (known := await self.log.command(caller.command)):
            appended = await self.log.append(known, caller.command, caller.origin, request)
            return Done(known[0].stream, appended.position, tuple(known), repeated=True)
        trusting = True
        for tries in range(TRIES):
            work = Work(self.log, self.cache, trusting=trusting)
            trusting = False
            id = await self._decided(decide, work)
            if id is None:
                continue
            if not work.events:
                return Done(id, 0)
            try:
                return await self._append(caller, id, work, request)
            except Conflict:
                await asyncio.sleep(random.random() * PAUSE * 2 ** min(tries, DOUBLINGS))
        raise Contended("others keep changing the same thing: try again")

    @staticmethod
    async def _decided(decide: Callable[[Work], Awaitable[str]], work: Work) -> str | None:
        """None: it must be decided again, on what the log says. An error of any kind may come of states that do not fit together."""
        try:
            id = await decide(work)
        except LogUnavailable:
            raise
        except Exception:
            if work.unchecked:
                return None
            raise
        return id if work.events or not work.unchecked else None

    async def _append(self, caller: Caller, id: str, work: Work, request: bytes) -> Done:
        origin = caller.origin
        try:
            appended = await self.log.append(work.events, caller.command, origin, request, work.seen)
        except LogUnavailable:
            work.dropped()
            raise
        if not appended.repeated:
            work.stored()
            if len(request) <= LARGEST:
                self.lately.add(appended.first, work.events, caller.command, origin)
            return Done(id, appended.position, tuple(work.events))
        known = await self.log.command(caller.command) or []
        return Done(known[0].stream if known else id, appended.position, tuple(known), repeated=True)
