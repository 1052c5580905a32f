"""What is pushed: changes of deployments and new log lines, to whoever watches. Woken by the database's notices, never by looking in turn."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from api.database import AWAY, Pool, first
from api.services import Services

HEARTBEAT = 15.0
"""Seconds after which a quiet stream says that it lives, and asks whether its reader is still welcome."""
GLANCE = 1.0
"""Seconds after which it notices that the server is to end."""
GATHER = 0.1
"""Seconds that several changes have to become one."""
LAST_CHANGE = """
select greatest(d.position, (select max(t.position) from views.tasks t where t.deployment_id = d.id)) from views.deployments d where d.id = %s"""
Welcome = Callable[[], Awaitable[bool]]


async def deployment_changes(services: Services, id: str, seen: int, welcome: Welcome) -> AsyncIterator[int | None]:
    """The log position of the deployment's last change, each time there is one after `seen`; None as a heartbeat. Ends with the server,
    and when its reader is not welcome any more."""
    quiet_since = time.monotonic()
    while not services.stopping.is_set():
        looked_at = services.positions.current
        with suppress(*AWAY):  # the database is away: nothing can have been heard, the next look finds it
            row = await first(services.pool, LAST_CHANGE, (id,))
            if row and row[0] > seen:
                seen, quiet_since = row[0], time.monotonic()
                yield seen
        if time.monotonic() - quiet_since > HEARTBEAT:
            if not await welcome():
                return
            quiet_since = time.monotonic()
            yield None
        if await services.positions.wait(looked_at + 1, GLANCE):
            await asyncio.sleep(GATHER)


class LogBell:
    """Rings when lines of a task's log were stored, by whichever process: one connection listens for all who wait here, while anybody does."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._listener: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def at(self, task: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set when there may be news of the task; its reader clears it before each look."""
        bell = asyncio.Event()
        self._waiting[task].add(bell)
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen(), name="log bell")
        try:
            yield bell
        finally:
            self._waiting[task].discard(bell)
            if not self._waiting[task]:
                del self._waiting[task]
            if not self._waiting and self._listener is not None:
                self._listener.cancel()
                self._listener = None

    async def _listen(self) -> None:
        while True:
            with suppress(*AWAY):
                async with self._pool.connection() as conn:
                    await conn.set_autocommit(True)
                    try:
                        await conn.execute("listen task_logs")
                        self._ring(*self._waiting)  # what came while nobody listened
                        async for notice in conn.notifies():
                            self._ring(notice.payload)
                    finally:
                        await conn.close()  # it has been listening: not for others
            await asyncio.sleep(GLANCE)

    def _ring(self, *tasks: str) -> None:
        for task in tasks:
            for bell in self._waiting.get(task, ()):
                bell.set()
