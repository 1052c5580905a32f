"""Waiting until the read models have come as far as a log position: whoever has written sees his own write."""

import asyncio
import logging
from typing import Self

import psycopg

from projections.engine.connections import bounded
from projections.engine.projector import CHANNEL

logger = logging.getLogger(__name__)
PAUSES = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds before it connects again; the last one repeats."""
POSITION = "select position from positions where name = 'views'"


class Positions:
    """Listens to the projectors on a connection of its own, which it makes anew whenever it breaks. `open` and `close` it, or use `async with`.
    `look`: seconds after which it looks by itself, because a projector may die between its commit and its notice."""

    def __init__(self, conninfo: str, *, look: float = 1.0) -> None:
        self.current = 0
        """How far the read models have come, as far as is known here."""
        self.connected = False
        self._conninfo, self._look = bounded(conninfo, "tiangong positions"), look
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._task = asyncio.create_task(self._follow(), name="positions")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def wait(self, position: int, timeout: float) -> bool:
        """True as soon as the read models hold everything up to `position`; false if they do not within `timeout` seconds."""
        if self.current >= position:
            return True
        try:
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait_for(lambda: self.current >= position)
        except TimeoutError:
            return False
        return True

    async def _follow(self) -> None:
        failures = 0
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as conn:
                    await conn.execute(f"listen {CHANNEL}")  # before the first look: nothing falls between the two
                    self.connected, failures = True, 0
                    while True:
                        await self._listen(conn)
            except psycopg.Error as error:
                logger.warning("lost the projectors and connects again: %s", error)
            self.connected = False
            await asyncio.sleep(PAUSES[min(failures, len(PAUSES) - 1)])
            failures += 1

    async def _listen(self, conn: psycopg.AsyncConnection) -> None:
        found = await (await conn.execute(POSITION)).fetchone()
        await self._set(int(found[0]) if found else 0)  # may go back: the server may have lost its last moments
        async for notice in conn.notifies(timeout=self._look):
            if notice.payload.isdecimal():
                await self._set(max(self.current, int(notice.payload)))

    async def _set(self, position: int) -> None:
        if position != self.current:
            async with self._changed:
                self.current = position
                self._changed.notify_all()
