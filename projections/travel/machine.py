"""Asks how something was when the log ended at an earlier position."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Protocol, Self, cast

import psycopg
from psycopg_pool import AsyncConnectionPool

from projections.engine.connections import Connection, bounded
from projections.engine.listing import Row
from projections.travel.booth import SETTINGS, Booth
from projections.travel.trips import TRIPS, Log

Question = Callable[[AsyncConnectionPool, str], Awaitable[Row | None]]


class Past(Log, Protocol):
    """The log, and when it was how long."""

    def position_at(self, conn: Connection, at: int | datetime) -> int: ...


class TimeMachine:
    """`size`: how many are answered at once. `deadline`: seconds for each. Connections are made when they are first needed, and anew when
    they have broken."""

    def __init__(self, conninfo: str, log: Past, *, size: int = 3, deadline: float = 5.0) -> None:
        self._log, self._deadline = log, deadline
        self._booths: dict[psycopg.AsyncConnection[Any], Booth] = {}
        self._pool = AsyncConnectionPool(
            bounded(conninfo, "tiangong time travel"), kwargs={"autocommit": True}, min_size=0, max_size=size, timeout=deadline,
            reconnect_timeout=1.0, max_idle=3600.0, open=False, name="time-travel", configure=self._furnish, reset=self._tidy,
            check=AsyncConnectionPool.check_connection)

    async def __aenter__(self) -> Self:
        await self._pool.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()
        for conn in self._booths:  # the pool drops those that were just given back
            await conn.close()

    async def position_at(self, at: int | datetime) -> int:
        """The last position that the log had at a time (0: none yet), or the position itself. Raises Invalid for what has not come yet,
        TimeoutError, and psycopg's errors where the database is away."""
        async with asyncio.timeout(self._deadline), self._pool.connection() as conn:
            return await self._booths[conn].run(lambda writing: self._log.position_at(writing, at))

    async def ask(self, kind: str, question: Question, id: str, position: int) -> Row | None:
        """What the question would have been answered when the log ended at `position`; the read models must have come as far.
        Raises the same, and NoTemporaryTables."""
        async with asyncio.timeout(self._deadline), self._pool.connection() as conn:
            booth = self._booths[conn]
            await booth.fill(self._log, TRIPS[kind], id, position)
            row = await question(cast(AsyncConnectionPool, booth), id)
            await conn.rollback()
            return row

    async def _furnish(self, conn: psycopg.AsyncConnection[Any]) -> None:
        await conn.execute(SETTINGS)
        self._booths = {known: booth for known, booth in self._booths.items() if not known.closed} | {conn: Booth(conn)}

    async def _tidy(self, conn: psycopg.AsyncConnection[Any]) -> None:
        await self._booths[conn].tidy()
