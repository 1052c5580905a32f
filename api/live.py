"""What is pushed: changes of deployments and new log lines, to whoever watches. Woken by the database's notices, never by looking in turn."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from api.authentication import actor_of
from api.database import AWAY, Pool, first
from api.errors import Problem
from api.services import Services
from application.ports.log import LogUnavailable

HEARTBEAT = 15.0
"""Seconds after which a quiet stream says that it lives, and asks whether its reader is still welcome."""
GLANCE = 1.0
"""Seconds after which it notices that the server is to end."""
GATHER = 0.1
"""Seconds that several changes have to become one."""
LAST_CHANGE = """
select greatest(d.position, (select max(t.position) from tasks t where t.deployment_id = d.id)) from deployments d where d.id = %s"""


async def still_welcome(services: Services, authorization: str) -> bool:
    """Whether the reader's token is still good, as far as can be known just now."""
    try:
        await asyncio.wait_for(actor_of(services, authorization), 10)
    except Problem:
        return False
    except (LogUnavailable, TimeoutError, *AWAY):
        return True
    return True


class Pulse:
    """Says when a quiet stream should give a sign of life."""

    def __init__(self, services: Services, authorization: str) -> None:
        self._services, self._authorization = services, authorization
        self._since = time.monotonic()

    def beat(self) -> None:
        """It was not quiet."""
        self._since = time.monotonic()

    @property
    def due(self) -> bool:
        return time.monotonic() - self._since > HEARTBEAT

    async def is_welcome(self) -> bool:
        self.beat()
        return await still_welcome(self._services, self._authorization)


async def deployment_changes(services: Services, id: str, seen: int, authorization: str) -> AsyncIterator[int | None]:
    """The log position of the deployment's last change, each time there is one after `seen`; None as a heartbeat. Ends with the server,
    and when its reader is not welcome any more."""
    pulse = Pulse(services, authorization)
    while not services.stopping.is_set():
        looked_at = services.positions.current
        if (changed := await last_change(services.pool, id)) > seen:
            seen = changed
            pulse.beat()
            yield seen
        if pulse.due:
            if not await pulse.is_welcome():
                return
            yield None
        if await services.positions.wait(looked_at + 1, GLANCE):
            await asyncio.sleep(GATHER)


async def last_change(pool: Pool, id: str) -> int:
    """A position of the log; 0 where it cannot be known just now: the next look finds it."""
    with suppress(*AWAY):
        row = await first(pool, LAST_CHANGE, (id,))
        return int(row[0]) if row else 0
    return 0


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
                    finally:  # others get it as it was
                        with suppress(*AWAY):
                            await conn.execute("unlisten *")
                            await conn.set_autocommit(False)
            await asyncio.sleep(GLANCE)

    def _ring(self, *tasks: str) -> None:
        for task in tasks:
            for bell in self._waiting.get(task, ()):
                bell.set()
