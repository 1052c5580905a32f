"""The write side of task logs."""

import logging

from psycopg_pool import AsyncConnectionPool

from adapters.task_logs.masking import masker
from adapters.task_logs.writing import OpenLog
from application.ports.logs import TaskLog

PATIENCE = 30.0
"""Seconds that `close` tries to store what is left."""
logger = logging.getLogger(__name__)


class PostgresTaskLogs:
    def __init__(self, pool: AsyncConnectionPool, patience: float = PATIENCE) -> None:
        self._pool, self._patience = pool, patience

    async def open(self, task: str, attempt: int, mask: tuple[str, ...] = ()) -> OpenLog:
        log = OpenLog(self._pool, task, attempt, masker(mask))
        await log.begin()
        return log

    async def close(self, log: TaskLog) -> None:
        if not isinstance(log, OpenLog):
            raise TypeError(f"not a log of this store: {log!r}")
        try:
            await log.end(self._patience)
        except TimeoutError:
            logger.error("the end of the log of %s could not be stored: it stays without one, and shows that", log.task)
