"""The work queue on PostgreSQL: a row an entry, `skip locked` between claimers, NOTIFY for those who wait."""

import asyncio
import time
from uuid import uuid4

from psycopg_pool import AsyncConnectionPool

from adapters.queue.bell import CHANNEL, Bell
from application.ports.queue import Claim

CLAIM = """
update ops.work_queue set lease = %s, lease_until = clock_timestamp() + make_interval(secs => %s), worker = %s
 where (task_id, attempt) = (
   select task_id, attempt from ops.work_queue where lease is null or lease_until < clock_timestamp()
    order by offered_at limit 1 for update skip locked)
returning task_id, attempt"""
NEXT_FREE = "select extract(epoch from min(lease_until) - clock_timestamp())::float8 from ops.work_queue"
AFTER = 0.01
"""Seconds added to a lease's end, so that it is over when somebody looks."""
HASTE = 0.1
"""Seconds between looks at entries that are free and still nobody's: another claimer holds them at this moment."""


class PostgresQueue:
    """Any number of workers, in any number of processes. `conninfo`: for the one connection that listens."""

    def __init__(self, pool: AsyncConnectionPool, conninfo: str) -> None:
        self._pool, self._bell = pool, Bell(conninfo)

    async def put(self, task: str, attempt: int) -> None:
        async with self._pool.connection() as conn:
            put = await conn.execute("insert into ops.work_queue (task_id, attempt) values (%s, %s) on conflict do nothing", (task, attempt))
            if put.rowcount:
                await conn.execute(f"notify {CHANNEL}")

    async def claim(self, worker: str, lease_seconds: float, wait_seconds: float) -> Claim | None:
        deadline = time.monotonic() + wait_seconds
        with self._bell.rung() as rung:
            while True:
                rung.clear()  # before the look: nothing falls between the two
                claim, next_free = await self._take(worker, lease_seconds)
                left = deadline - time.monotonic()
                if claim is not None or left <= 0:
                    return claim
                await _wait(rung, min(left, next_free))

    async def _take(self, worker: str, lease_seconds: float) -> tuple[Claim | None, float]:
        """The claim; or None, and in how many seconds the next lease runs out."""
        lease = uuid4().hex
        async with self._pool.connection() as conn:
            row = await (await conn.execute(CLAIM, (lease, lease_seconds, worker))).fetchone()
            if row is not None:
                return Claim(row[0], row[1], lease), 0.0
            left = await (await conn.execute(NEXT_FREE)).fetchone()
        return None, float("inf") if left is None or left[0] is None else max(left[0] + AFTER, HASTE)

    async def renew(self, claim: Claim, lease_seconds: float) -> bool:
        async with self._pool.connection() as conn:
            renewed = await conn.execute(
                "update ops.work_queue set lease_until = clock_timestamp() + make_interval(secs => %s) "
                "where task_id = %s and attempt = %s and lease = %s",
                (lease_seconds, claim.task, claim.attempt, claim.lease))
        return renewed.rowcount == 1

    async def done(self, claim: Claim) -> None:
        async with self._pool.connection() as conn:
            await conn.execute(
                "delete from ops.work_queue where task_id = %s and attempt = %s and lease = %s", (claim.task, claim.attempt, claim.lease))

    async def close(self) -> None:
        """Stop listening."""
        await self._bell.close()


async def _wait(rung: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await rung.wait()
    except TimeoutError:
        return
