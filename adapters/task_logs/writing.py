"""One attempt's log while it is written: lines are taken at once, and stored a moment later by a task of its own, in order."""

import asyncio
import hashlib
import logging
from collections.abc import Callable

import msgspec
import psycopg
from psycopg_pool import AsyncConnectionPool

from adapters.task_logs.buffer import CHUNK, Buffer, Chunk
from application.ports.logs import Level

COMPANY = 0.2
"""Seconds that a line waits for company."""
AGAIN = 1.0
"""Seconds between tries while the database is away."""
AWAY = (psycopg.OperationalError, psycopg.InterfaceError)
OPEN = """
insert into ops.log_ends (task_id, attempt, opened) values (%s, %s, %s)
on conflict (task_id, attempt) do update set opened = log_ends.opened + 1, lines = null, digest = null, complete = null, closed_at = null
returning opened"""
OPEN_FIRST = """
with mine as (insert into ops.log_ends (task_id, attempt, opened) values (%s, %s, 1) on conflict do nothing returning opened)
select 1 from mine union all select 1 from ops.log_ends where %s and task_id = %s and attempt = %s and opened = 1"""
STORED = "select first_seq, count, lines, source_offset from ops.log_chunks where task_id = %s and attempt = %s order by first_seq"
# The row of the end is the log's lock: whoever opens the log next waits for a chunk on its way, and a writer of before stores nothing more.
STORE = """
with held as (
  select task_id, attempt from ops.log_ends where task_id = %s and attempt = %s and opened = %s for share
), chunk as (
  insert into ops.log_chunks (task_id, attempt, first_seq, count, lines, source_offset)
  select task_id, attempt, %s, %s, %s, %s from held on conflict do nothing
)
select pg_notify('task_logs', task_id) from held"""
CLOSE = """
update ops.log_ends set lines = %s, digest = %s, complete = opened = 1 and %s, closed_at = clock_timestamp()
 where task_id = %s and attempt = %s and opened = %s
returning pg_notify('task_logs', task_id)"""
logger = logging.getLogger(__name__)


class Superseded(Exception):
    """Somebody else has opened the log since."""


class OpenLog:
    """Made by `PostgresTaskLogs.open`. After its end, or when somebody else has opened the log, its lines go nowhere. Without `begin` it
    begins with its first line: there was nobody before."""

    def __init__(self, pool: AsyncConnectionPool, task: str, attempt: int, mask: Callable[[str], str]) -> None:
        self.task, self.attempt = task, attempt
        self._pool, self._mask = pool, mask
        self._buffer, self._digest, self._opened = Buffer(), hashlib.sha256(), 0
        self._news, self._full = asyncio.Event(), asyncio.Event()
        self._ending = self._over = False
        self._storing: asyncio.Task[None] | None = None
        self._opening = False
        """It has been tried, and may have come to pass."""

    @property
    def wordless(self) -> bool:
        """Nothing was ever written, and nothing is stored yet."""
        return self._storing is None and not self._over

    def line(self, message: str, level: Level = "info", offset: int | None = None) -> None:
        if self._ending or self._over:
            return
        if self._storing is None:
            self._start()
        parts = self._mask(message).splitlines() or [""]
        for number, part in enumerate(parts, 1):
            self._buffer.add(part, level, offset if number == len(parts) else None)
        self._news.set()
        if len(self._buffer) >= CHUNK:
            self._full.set()

    @property
    def offset(self) -> int:
        return self._buffer.offset

    async def begin(self, *, again: bool) -> None:
        """Go on behind what is stored. `again`: somebody had it before, who may have died before his first line was stored."""
        async with self._pool.connection() as conn:
            row = await (await conn.execute(OPEN, (self.task, self.attempt, 2 if again else 1))).fetchone()
            stored = await (await conn.execute(STORED, (self.task, self.attempt))).fetchall()
        self._opened = row[0] if row else 0
        if stored:
            for _, _, lines, _ in stored:
                self._digest_of([bytes(line) for line in msgspec.json.decode(lines, type=list[msgspec.Raw])])
            first, count, _, _ = stored[-1]
            self._buffer = Buffer(first + count, max(offset for *_, offset in stored), sum(len(lines) for _, _, lines, _ in stored))
        self._start()
        if self._opened > 1:
            self.line("the log was interrupted here: lines may be missing", "warn")

    def _start(self) -> None:
        self._storing = asyncio.create_task(self._store_all(), name=f"log of {self.task}-{self.attempt}")

    async def _open(self) -> None:
        """The first opening there is. Raises Superseded."""
        opening, self._opening = self._opening, True
        async with self._pool.connection() as conn:
            mine = await conn.execute(OPEN_FIRST, (self.task, self.attempt, opening, self.task, self.attempt))
            if not mine.rowcount:
                raise Superseded
        self._opened = 1

    def silence(self) -> None:
        """From here on lines go nowhere."""
        self._over = True

    async def end(self, patience: float) -> None:
        """Store what is left, then the end. Raises TimeoutError after `patience` seconds: then the log stays without an end."""
        storing, self._storing = self._storing, None
        if storing is None:
            return
        self._buffer.finish()
        self._ending = True
        self._news.set()
        self._full.set()
        try:
            async with asyncio.timeout(patience):
                await asyncio.shield(storing)
        finally:
            storing.cancel()
            await asyncio.wait({storing})
            self._over = True

    async def _store_all(self) -> None:
        """Until the end has been stored, or somebody else has the log."""
        while not self._over:
            await self._news.wait()
            await self._company()
            self._news.clear()
            try:
                if not self._opened:
                    await self._open()
                await self._store_waiting()
                self._over = self._ending and not len(self._buffer) and await self._close()
            except Superseded:
                logger.warning("the log of %s, attempt %d, was opened by somebody else: this one's lines go nowhere", self.task, self.attempt)
                self._over = True
            except Exception as error:  # whatever it is, the lines are kept and tried again, until `end` loses patience
                logger.warning("the log of %s waits: %s", self.task, error, exc_info=not isinstance(error, AWAY))
                self._news.set()
                await asyncio.sleep(AGAIN)

    async def _company(self) -> None:
        try:
            async with asyncio.timeout(COMPANY):
                await self._full.wait()
        except TimeoutError:
            return

    async def _store_waiting(self) -> None:
        while chunk := self._buffer.chunk():
            await self._store(chunk)
            self._digest_of(chunk.lines)
            self._buffer.stored()
        if not self._ending:
            self._full.clear()

    async def _store(self, chunk: Chunk) -> None:
        """Once, also when the answer of a first try was lost. Raises Superseded."""
        lines = b"[" + b",".join(chunk.lines) + b"]"
        async with self._pool.connection() as conn:
            held = await conn.execute(STORE, (self.task, self.attempt, self._opened, chunk.first, len(chunk.lines), lines, chunk.offset))
            if held.rowcount != 1:
                raise Superseded

    async def _close(self) -> bool:
        end = (self._buffer.seq - 1, self._digest.digest(), not self._buffer.lost, self.task, self.attempt, self._opened)
        async with self._pool.connection() as conn:
            await conn.execute(CLOSE, end)
        return True

    def _digest_of(self, lines: list[bytes]) -> None:
        for line in lines:
            self._digest.update(line + b"\n")
