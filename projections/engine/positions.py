"""Waiting until the read models have come as far as a log position: whoever has written sees his own write; and hearing of people."""

import asyncio
import itertools
import logging
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Self

import psycopg

from projections.engine.connections import bounded
from projections.engine.deadlines import Deadlines, Waiting, settle
from projections.engine.projector import CHANNEL

logger = logging.getLogger(__name__)
PEOPLE = "people"
"""The channel on which the tables of users and tokens say that they have changed (projections/users/triggers.sql)."""
Then = Callable[[], None]
PAUSES = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds before it connects again; the last one repeats."""
POSITION = "select position from positions where name = 'views'"


class People:
    """How often there may have been news about users and tokens, as far as is known here."""

    def __init__(self) -> None:
        self.current = 0
        self.connected = False


class Positions:
    """Listens to the projectors on a connection of its own, which it makes anew whenever it breaks. `open` and `close` it, or use `async with`.
    It begins to listen when it is first asked for anything: each notice wakes every session that listens, and a worker or a projector by itself
    hardly ever asks. `look`: seconds after which it looks by itself, because a projector may die between its commit and its notice."""

    def __init__(self, conninfo: str, *, look: float = 1.0) -> None:
        self._current, self._connected, self._lost, self._opened = 0, False, False, False
        self._people = People()
        self._conninfo, self._look = bounded(conninfo, "tiangong positions"), look
        self._waiting: list[tuple[int, int, Waiting, Then | None]] = []
        self._deadlines: dict[float, Deadlines] = {}
        """By how long one waits: there are few such lengths."""
        self._numbers = itertools.count()
        self._in_vain = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def current(self) -> int:
        """How far the read models have come, as far as is known here."""
        if self._task is None:
            self._begin()
        return self._current

    @property
    def connected(self) -> bool:
        if self._task is None:
            self._begin()
        return self._connected

    @property
    def lost(self) -> bool:
        """The connection broke, or could not be made; not where it is being made for the first time."""
        return not self.connected and self._lost

    @property
    def people(self) -> People:
        if self._task is None:
            self._begin()
        return self._people

    def _begin(self) -> None:
        if self._opened:
            self._task = asyncio.create_task(self._follow(), name="positions")

    async def open(self) -> None:
        self._opened = True

    async def close(self) -> None:
        self._opened = False
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def wait(self, position: int, timeout: float, then: Then | None = None) -> bool:
        """True as soon as the read models hold everything up to `position`; false if they do not within `timeout` seconds. `then` is called in
        the moment that they do, a turn or more of the event loop before who waits: what he reads next can be on its way by then."""
        if self.current >= position:
            if then:
                then()
            return True
        reached: Waiting = asyncio.get_running_loop().create_future()
        if (deadlines := self._deadlines.get(timeout)) is None:
            deadlines = self._deadlines[timeout] = Deadlines(timeout)
        deadlines.watch(reached)
        heappush(self._waiting, (position, next(self._numbers), reached, then))
        found = False
        try:
            found = await reached
        finally:
            if not found:
                self._forget_in_vain()
        return found

    def _forget_in_vain(self) -> None:
        """Who has given up would stand before a position that may never come."""
        self._in_vain += 1
        if 2 * self._in_vain >= len(self._waiting):
            self._waiting = [one for one in self._waiting if not one[2].done()]
            heapify(self._waiting)
            self._in_vain = 0

    async def _follow(self) -> None:
        failures = 0
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as conn:
                    await conn.execute(f"listen {CHANNEL}; listen {PEOPLE}")  # before the first look: nothing falls between the two
                    self._people.current += 1  # what was said while nobody listened
                    self._connected = self._people.connected = True
                    failures = 0
                    while True:
                        await self._listen(conn)
            except psycopg.Error as error:
                logger.warning("lost the projectors and connects again: %s", error)
            self._connected, self._people.connected, self._lost = False, False, True
            await asyncio.sleep(PAUSES[min(failures, len(PAUSES) - 1)])
            failures += 1

    async def _listen(self, conn: psycopg.AsyncConnection) -> None:
        found = await (await conn.execute(POSITION)).fetchone()
        self._set(int(found[0]) if found else 0)  # may go back: the server may have lost its last moments
        async for notice in conn.notifies(timeout=self._look):
            if notice.channel == PEOPLE:
                self._people.current += 1
            elif notice.payload.isdecimal():
                self._set(max(self._current, int(notice.payload)))

    def _set(self, position: int) -> None:
        """Wakes those who have waited for it, and nobody else."""
        self._current = position
        while self._waiting and (self._waiting[0][0] <= position or self._waiting[0][2].done()):
            _, _, reached, then = heappop(self._waiting)
            if then and not reached.done():
                then()
            settle(reached, True)
