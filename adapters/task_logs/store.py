"""The write side of task logs."""

import asyncio
import logging

import psycopg
from psycopg_pool import AsyncConnectionPool

from adapters.task_logs.masking import masker
from adapters.task_logs.writing import OpenLog
from application.ports.logs import TaskLog

PATIENCE = 30.0
"""Seconds that `close` tries to store what is left."""
COMPANY, AGAIN, TRIES = 0.05, 1.0, 30
"""Seconds that the ends of logs without a line wait for company, seconds between tries to store them, and how many there are."""
CLOSE_EMPTY = """
with closed as (
  insert into ops.log_ends (task_id, attempt, opened, lines, digest, complete, closed_at)
  select task, attempt, 1, 0, sha256(''), true, clock_timestamp() from unnest(%s::text[], %s::int[]) e(task, attempt)
  on conflict do nothing returning task_id)
select pg_notify('task_logs', task_id) from closed"""
logger = logging.getLogger(__name__)


class PostgresTaskLogs:
    """A log without a line has its end stored a moment after `close`, many in one go: nobody waits for that, there is nothing to lose."""

    def __init__(self, pool: AsyncConnectionPool, patience: float = PATIENCE) -> None:
        self._pool, self._patience = pool, patience
        self._empty: list[tuple[str, int]] = []
        self._closing: asyncio.Task[None] | None = None

    async def open(self, task: str, attempt: int, mask: tuple[str, ...] = (), fresh: bool | None = None) -> OpenLog:
        log = OpenLog(self._pool, task, attempt, masker(mask))
        if not fresh:
            await log.begin(again=fresh is False)
        return log

    async def close(self, log: TaskLog) -> None:
        if not isinstance(log, OpenLog):
            raise TypeError(f"not a log of this store: {log!r}")
        if log.wordless:
            log.silence()
            self._close_soon(log)
            return
        try:
            await log.end(self._patience)
        except TimeoutError:
            logger.error("the end of the log of %s could not be stored: it stays without one, and shows that", log.task)

    def _close_soon(self, log: OpenLog) -> None:
        self._empty.append((log.task, log.attempt))
        if self._closing is None or self._closing.done():
            self._closing = asyncio.create_task(self._close_empty(), name="ends of logs without a line")

    async def _close_empty(self) -> None:
        while self._empty:
            await asyncio.sleep(COMPANY)
            ends, self._empty = self._empty, []
            for _ in range(TRIES):
                try:
                    async with self._pool.connection() as conn:
                        await conn.execute(CLOSE_EMPTY, ([task for task, _ in ends], [attempt for _, attempt in ends]))
                    break
                except psycopg.Error as error:
                    logger.warning("the ends of %d logs without a line wait: %s", len(ends), error)
                    await asyncio.sleep(AGAIN)
