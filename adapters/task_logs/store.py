"""The write side of task logs."""

import asyncio
import hashlib
import logging
from collections.abc import Callable

import msgspec
import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from adapters.task_logs.buffer import Buffer
from adapters.task_logs.masking import masker
from application.ports.logs import Level, TaskLog

CHANNEL = "task_logs"
PAUSE = 0.2
"""Seconds that a line waits for company."""
CHUNK = 500
"""Lines a chunk."""
PATIENCE = 30.0
"""Seconds that `close` tries to store what is left."""
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)
OPEN = """
insert into ops.log_ends (task_id, attempt, opened) values (%s, %s, 1)
on conflict (task_id, attempt) do update set opened = log_ends.opened + 1, closed_at = null returning opened"""
STORED = "select first_seq, count, lines, source_offset from ops.log_chunks where task_id = %s and attempt = %s order by first_seq"
STORE = """
insert into ops.log_chunks (task_id, attempt, first_seq, count, lines, source_offset) values (%s, %s, %s, %s, %s, %s) on conflict do nothing"""
CLOSE = """
update ops.log_ends set lines = %s, digest = %s, complete = opened = 1 and %s, closed_at = clock_timestamp()
 where task_id = %s and attempt = %s"""
logger = logging.getLogger(__name__)


class OpenLog:
    """One attempt's log while it is written. Made by `PostgresTaskLogs.open`."""

    def __init__(self, pool: AsyncConnectionPool, task: str, attempt: int, mask: Callable[[str], str]) -> None:
        self.task, self.attempt = task, attempt
        self._pool, self._mask = pool, mask
        self._buffer, self._digest = Buffer(1), hashlib.sha256()
        self._offset, self._dropped = 0, False
        self._news, self._storing = asyncio.Event(), asyncio.Lock()
        self._flusher: asyncio.Task[None] | None = None

    def line(self, message: str, level: Level = "info", offset: int | None = None) -> None:
        for part in self._mask(message).splitlines() or [""]:
            self._buffer.add(part, level)
        self._offset = max(self._offset, offset or 0)
        self._dropped = self._dropped or self._buffer.dropped > 0
        self._news.set()

    @property
    def offset(self) -> int:
        return self._offset

    async def begin(self) -> None:
        """Go on behind what is stored."""
        async with self._pool.connection() as conn:
            opened = await (await conn.execute(OPEN, (self.task, self.attempt))).fetchone()
            for first, count, lines, offset in await (await conn.execute(STORED, (self.task, self.attempt))).fetchall():
                self._take_in([bytes(line) for line in msgspec.json.decode(lines, type=list[msgspec.Raw])])
                self._buffer.next_seq, self._offset = first + count, max(self._offset, offset)
        if opened and opened[0] > 1:
            self.line("the log was interrupted here: lines may be missing", "warn")
        self._flusher = asyncio.create_task(self._flush_for_ever(), name=f"log of {self.task}-{self.attempt}")

    def _take_in(self, lines: list[bytes]) -> None:
        for line in lines:
            self._digest.update(line + b"\n")

    async def _flush_for_ever(self) -> None:
        while True:
            await self._news.wait()
            await asyncio.sleep(PAUSE)
            self._news.clear()
            try:
                await self.flush()
            except AWAY as error:
                logger.warning("the log of %s waits: %s", self.task, error)
                self._news.set()
                await asyncio.sleep(1)

    async def flush(self) -> None:
        """Store what waits, in order. A chunk that was stored although the answer was lost is not stored twice."""
        async with self._storing:
            while lines := self._buffer.first(CHUNK):
                seq, offset = self._buffer.next_seq - len(self._buffer), self._offset if len(lines) == len(self._buffer) else 0
                async with self._pool.connection() as conn:
                    await conn.execute(STORE, (self.task, self.attempt, seq, len(lines), b"[" + b",".join(lines) + b"]", offset))
                    await conn.execute("select pg_notify(%s, %s)", (CHANNEL, self.task))
                self._take_in(lines)
                self._buffer.stored(len(lines))

    async def end(self) -> None:
        if self._flusher is None:
            return
        self._flusher.cancel()
        await asyncio.gather(self._flusher, return_exceptions=True)
        self._flusher = None
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    await self.flush()
                    async with self._pool.connection() as conn:
                        await conn.execute(CLOSE, (self._buffer.next_seq - 1, self._digest.digest(), not self._dropped, self.task, self.attempt))
                        await conn.execute("select pg_notify(%s, %s)", (CHANNEL, self.task))
                    return
                except AWAY as error:
                    logger.warning("the end of the log of %s waits: %s", self.task, error)
                    await asyncio.sleep(1)


class PostgresTaskLogs:
    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    async def open(self, task: str, attempt: int, mask: tuple[str, ...] = ()) -> OpenLog:
        log = OpenLog(self._pool, task, attempt, masker(mask))
        await log.begin()
        return log

    async def close(self, log: TaskLog) -> None:
        assert isinstance(log, OpenLog)
        try:
            await log.end()
        except TimeoutError:
            logger.error("the end of the log of %s could not be stored: it stays open, and shows that", log.task)
