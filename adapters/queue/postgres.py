"""The work queue on PostgreSQL: a row an entry, `skip locked` between claimers, NOTIFY for those who wait."""

import asyncio
import time
from uuid import uuid4

import psycopg
from psycopg_pool import AsyncConnectionPool

from application.ports.queue import Claim

CHANNEL = "work_queue"
LOOK = 1.0
"""Seconds after which a waiting claimer looks by itself: a lease may have run out, of which nobody gives notice."""
CLAIM = """
update ops.work_queue set lease = %s, lease_until = clock_timestamp() + make_interval(secs => %s), worker = %s
 where (task_id, attempt) = (
   select task_id, attempt from ops.work_queue where lease is null or lease_until < clock_timestamp()
    order by offered_at limit 1 for update skip locked)
returning task_id, attempt"""


class PostgresQueue:
    """Any number of workers, in any number of processes. `conninfo`: for the one connection that listens."""

    def __init__(self, pool: AsyncConnectionPool, conninfo: str) -> None:
        self._pool, self._conninfo = pool, conninfo
        self._listening: psycopg.AsyncConnection | None = None
        self._turn = asyncio.Lock()

    async def put(self, task: str, attempt: int) -> None:
        async with self._pool.connection() as conn:
            put = await conn.execute("insert into ops.work_queue (task_id, attempt) values (%s, %s) on conflict do nothing", (task, attempt))
            if put.rowcount:
                await conn.execute(f"notify {CHANNEL}")

    async def claim(self, worker: str, lease_seconds: float, wait_seconds: float) -> Claim | None:
        """One claimer of this object waits at a time."""
        deadline = time.monotonic() + wait_seconds
        async with self._turn:
            while True:
                listening = await self._listen()  # before the look: nothing falls between the two
                claim = await self._take(worker, lease_seconds)
                left = deadline - time.monotonic()
                if claim is not None or left <= 0:
                    return claim
                await self._wait(listening, min(left, LOOK))

    async def _take(self, worker: str, lease_seconds: float) -> Claim | None:
        lease = uuid4().hex
        async with self._pool.connection() as conn:
            row = await (await conn.execute(CLAIM, (lease, lease_seconds, worker))).fetchone()
        return Claim(row[0], row[1], lease) if row else None

    async def _listen(self) -> psycopg.AsyncConnection:
        if self._listening is None or self._listening.closed:
            self._listening = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True, connect_timeout=5)
            await self._listening.execute(f"listen {CHANNEL}")
        return self._listening

    async def _wait(self, listening: psycopg.AsyncConnection, seconds: float) -> None:
        try:
            async for _ in listening.notifies(timeout=seconds, stop_after=1):
                pass
        except psycopg.Error:
            await listening.close()
            await asyncio.sleep(0.1)  # the next round connects again

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
        if self._listening is not None:
            await self._listening.close()
