"""Runs the process managers over the log: each fact → wishes → handlers, in order; then the position is stored.

A crash repeats the facts since the last stored position; every command has an id made of process and position, so that a
repetition is known. A refusal is an answer and is kept for show; an error of the infrastructure is waited out; any other error
is tried a few times, then kept for show, so that one bad fact does not stop the house.

What queue and timers are to hold (`Standing`) is gathered and stored together with what comes next, the position last: at once
where somebody waits for it (a task on offer), else a moment later. A crash in between repeats it.

None of this waits for the disk. A crash of the database takes the last of it away, and this process may live on: the position moves only from where
it put it itself, on a connection that is older than what the new position stands for. So it never covers what the database has lost.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import AsyncConnection, OperationalError
from psycopg_pool import AsyncConnectionPool

from adapters.runtime.away import is_away
from application.caller import Caller, process
from application.house import Contended
from application.lately import Heard
from application.processes.reactions import React, Table
from application.processes.wishes import HoldTask, OfferTask, Standing, Wish, WithdrawTask
from domain.errors import DomainError
from domain.recorded import Cause, Recorded, Unreadable

logger = logging.getLogger(__name__)
TRIES = 4
PAUSE, DOUBLINGS = 0.25, 3
"""Seconds between tries, and how often they double."""
LATER, CALM, MOST = 0.1, 0.005, 1000
"""Seconds that what nobody waits for is gathered; seconds after a batch that concerned no process, or in which every task on offer had been begun
already, so that more comes together in the next; how many wishes are gathered at most."""
MANY, CALMEST = 8, 0.02
"""Seconds after so many facts at once that concerned no process: a load that is others'."""
LONGEST_WISH, LONGEST_ERROR = 500, 2000
"""Characters that are kept for show: the wish stands in an index, which has no room for any length."""
MOVE = """
insert into ops.process_positions as p (name, position)
select %(name)s, %(to)s where %(from)s = 0 or exists (select from ops.process_positions where name = %(name)s)
on conflict (name) do update set position = excluded.position where p.position = %(from)s"""
Fulfil = Callable[[Wish, Caller, int], Awaitable[None]]
Together = Callable[[Sequence[tuple[Standing, Cause]]], Awaitable[None]]


class PositionLost(OperationalError):
    """The stored position may not be where this runner put it: what it stands for may be gone as well. Load it and go on from there."""


@dataclass(frozen=True)
class Gathered:
    wish: Standing
    cause: Cause
    process: str
    position: int
    number: int

    @property
    def caller(self) -> Caller:
        return process(self.process, f"{self.position}/{self.number}", correlation=self.cause.correlation, causation=self.cause.command)


@dataclass
class OnOffer:
    """Of what is gathered: tasks that wait for a worker. `some`: there were any, also where each has been begun since."""

    waiting: set[tuple[str, int]] = field(default_factory=set)
    some: bool = False

    def take(self, wish: Standing) -> None:
        if isinstance(wish, OfferTask):
            self.waiting.add((wish.task, wish.attempt))
            self.some = True
        elif isinstance(wish, HoldTask | WithdrawTask):
            self.waiting.discard((wish.task, wish.attempt))


class ProcessRunner:
    """Only one of a name may run at a time (see `alone`): a second one that lags behind would set timers that have been cancelled since.
    `name`: of the position that it stores."""

    def __init__(
        self, processes: Mapping[str, React], fulfil: Fulfil, pool: AsyncConnectionPool, name: str = "processes",
        together: Together | None = None, pause: float = 0.0,
    ) -> None:
        """`together`: fulfils many wishes of the kind `Standing` in one go; without it each is fulfilled by itself, at once. `pause`: seconds
        after each batch, so that more comes together in the next."""
        self._processes, self._fulfil, self._pool, self._name, self._together = Table(processes), fulfil, pool, name, together
        self._pause = pause
        self.position = 0
        """Everything up to here is done."""
        self._read = 0
        self._doubtful = False
        """A change of the stored position was begun, and its end was not seen."""
        self._gathered: list[Gathered] = []
        self._offers = OnOffer()
        self._flushing = asyncio.Lock()
        self._later: asyncio.Task[None] | None = None

    async def load_position(self) -> int:
        await self.forget()
        async with self._pool.connection() as conn:
            row = await (await conn.execute("select position from ops.process_positions where name = %s", (self._name,))).fetchone()
        self.position = self._read = row[0] if row else 0
        self._doubtful = False
        return self.position

    async def handle(self, batch: Sequence[Recorded | Unreadable | Heard]) -> None:
        concerned = False
        for recorded in batch:
            if isinstance(recorded, Unreadable):
                await self._keep_for_show(self._name, recorded.position, f"{recorded.topic} of {recorded.stream}", recorded.error)
            else:
                concerned = await self._react(recorded) or concerned
        self._read = batch[-1].position
        begun = self._offers.some and not self._offers.waiting
        if self._together is None or self._offers.waiting or len(self._gathered) >= MOST:
            await self._flush()
        elif self._later is None or self._later.done():
            self._later = asyncio.create_task(self._flush_later(), name=f"{self._name}: what nobody waits for")
        if pause := self._pause or calm(len(batch), concerned=concerned, begun=begun):
            await asyncio.sleep(pause)

    async def _react(self, recorded: Recorded | Heard) -> bool:
        """Whether it concerned any of them."""
        concerned = False
        for name, react in self._processes.about(recorded.event):
            try:
                wishes = react(recorded.event)
            except Exception as error:
                logger.exception("%s does not understand what stands at %d", name, recorded.position)
                await self._keep_for_show(name, recorded.position, "", error)
                continue
            concerned = concerned or bool(wishes)
            for number, wish in enumerate(wishes):
                if self._together is not None and isinstance(wish, Standing):
                    self._gathered.append(Gathered(wish, Cause(recorded.command, recorded.origin.correlation), name, recorded.position, number))
                    self._offers.take(wish)
                else:
                    caller = process(name, f"{recorded.position}/{number}", correlation=recorded.origin.correlation, causation=recorded.command)
                    await self._fulfil_somehow(wish, caller, name, recorded.position)
        return concerned

    async def _flush_later(self) -> None:
        """Until nothing is left: what comes while the last is being stored finds us at work, and relies on us."""
        while self._read > self.position:
            await asyncio.sleep(LATER)
            try:
                await self._flush()
            except PositionLost as error:  # whoever brings the next fact hears of it, and begins again
                logger.warning("%s: %s", self._name, error)
                return
            except Exception as error:  # noqa: BLE001  # nobody may come after it to do what is left
                logger.warning("%s could not store how far it is, and tries again: %s", self._name, error)
                await asyncio.sleep(PAUSE)

    async def _flush(self) -> None:
        """Wishes of a batch that is still being read stay for its end: no position would stand for them yet."""
        async with self._flushing:
            read = self._read
            gathered = [one for one in self._gathered if one.position <= read]
            if len(gathered) == len(self._gathered):
                self._offers = OnOffer()
            if read > self.position:
                await self._store(gathered, read)

    async def _store(self, gathered: list[Gathered], read: int) -> None:
        if self._doubtful:
            raise PositionLost(f"it is not known whether what was stored up to {self.position} is still there")
        async with self._pool.connection() as conn:  # before the wishes: had the database crashed since, the connection would be gone
            if gathered:
                await self._fulfil_together(gathered)
            del self._gathered[:len(gathered)]  # at once: a timer that is set again may be another's by then
            self._doubtful = True
            await self._move(conn, read)
        self.position, self._doubtful = read, False

    async def _fulfil_together(self, gathered: list[Gathered]) -> None:
        """All at once; where one of them is in the way of the others, one after the other."""
        assert self._together is not None  # who gathers has it
        while True:
            try:
                await self._together([(one.wish, one.cause) for one in gathered])
                return
            except Exception as error:
                if not is_away(error):
                    logger.exception("%s goes on one by one, up to %d", self._name, gathered[-1].position)
                    break
                logger.warning("%s waits at %d: %s", self._name, gathered[-1].position, error)
            await asyncio.sleep(PAUSE)
        for one in gathered:
            await self._fulfil_somehow(one.wish, one.caller, one.process, one.position)

    async def forget(self) -> None:
        """Stop. What was gathered and not stored comes again from the log."""
        if self._later is not None:
            self._later.cancel()
            await asyncio.gather(self._later, return_exceptions=True)
        self._gathered.clear()
        self._offers = OnOffer()

    async def _fulfil_somehow(self, wish: Wish, caller: Caller, name: str, position: int) -> None:
        tries = 0
        while True:
            try:
                await self._fulfil(wish, caller, position)
                return None
            except Contended as error:
                logger.warning("%s waits at %d: %s", name, position, error)
            except DomainError as error:
                return await self._keep_for_show(name, position, repr(wish), error)
            except Exception as error:
                if is_away(error):
                    logger.warning("%s waits at %d: %s", name, position, error)
                else:
                    tries += 1
                    logger.exception("%s failed at %d on %s", name, position, wish)
                if tries >= TRIES:
                    return await self._keep_for_show(name, position, repr(wish), error)
            await asyncio.sleep(PAUSE * 2 ** min(tries, DOUBLINGS))

    async def _keep_for_show(self, name: str, position: int, wish: str, error: Exception | str) -> None:
        logger.warning("%s at %d: %s was not fulfilled: %s", name, position, wish, error)
        async with self._pool.connection() as conn:
            await conn.execute(
                "insert into ops.process_failures (process, position, wish, error) values (%s, %s, %s, %s) on conflict do nothing",
                (name, position, showable(wish, LONGEST_WISH), showable(str(error), LONGEST_ERROR)))

    async def _move(self, conn: AsyncConnection[Any], position: int) -> None:
        values = {"name": self._name, "from": self.position, "to": position}
        if not (await conn.execute(MOVE, values)).rowcount:
            raise PositionLost(f"the stored position is not {self.position}: the database has lost it, or somebody else has moved it")


def calm(facts: int, *, concerned: bool, begun: bool) -> float:
    """Seconds until the next batch: `concerned` a process was, `begun` every task on offer."""
    if not concerned:
        return CALMEST if facts >= MANY else CALM
    return CALM if begun else 0.0


def showable(text: str, longest: int) -> str:
    """What PostgreSQL can keep of a text: no NUL, no half of a surrogate pair, and not too much."""
    return text[:longest].replace("\0", "\N{SYMBOL FOR NULL}").encode("utf-8", "backslashreplace").decode()
