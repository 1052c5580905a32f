"""The work queue on PostgreSQL: a row an entry, `skip locked` between claimers, NOTIFY for those who wait."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import psycopg
from msgspec.json import encode
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from adapters.queue.bell import Bell
from adapters.queue.statements import CHANGE, CLAIM, DONE, KEEP, LEAVE, NEXT_FREE, RENEW
from application.ports.queue import Claim, Entry
from domain.recorded import Cause

AFTER = 0.01
"""Seconds added to a lease's end, so that it is over when somebody looks."""
HASTE = 0.1
"""Seconds between looks at entries that are free and still nobody's: another claimer holds them at this moment."""
FIRST_LEASE = 6.0
"""Seconds that an entry which was put with a lease is its holder's, until he renews it himself."""


class PostgresQueue:
    """Any number of workers, in any number of processes. `conninfo`: for the one connection that listens."""

    def __init__(self, pool: AsyncConnectionPool, conninfo: str) -> None:
        self._pool, self._bell = pool, Bell(conninfo)
        self._unheard: dict[str, float] = {}
        """Leases of claims whose answer did not come, and when they have run out: they may hold something all the same."""

    async def put(self, task: str, attempt: int, cause: Cause | None = None) -> None:
        await self.change([Entry(task, attempt, cause)], ())

    async def withdraw(self, task: str, attempt: int) -> None:
        await self.change((), [(task, attempt)])

    async def change(self, put: Sequence[Entry], over: Collection[tuple[str, int]]) -> None:
        """As JSON: psycopg looks at each element of a list before it sends it."""
        await self._execute(CHANGE, (encode(list(over)).decode(), FIRST_LEASE, encode(put).decode()))

    async def claim(self, worker: str, lease_seconds: float, wait_seconds: float) -> Claim | None:
        claims = await self.claim_many(worker, lease_seconds, wait_seconds, lambda: 1)
        return claims[0] if claims else None

    async def claim_many(self, worker: str, lease_seconds: float, wait_seconds: float, most: Callable[[], int]) -> list[Claim]:
        deadline = time.monotonic() + wait_seconds
        with self._bell.rung() as rung:
            while True:
                rung.clear()  # before the look: nothing falls between the two
                claims, next_free = await self._take(worker, lease_seconds, most())
                left = deadline - time.monotonic()
                if claims or left <= 0:
                    return claims
                await _wait(rung, min(left, next_free))

    async def _take(self, worker: str, lease_seconds: float, most: int) -> tuple[list[Claim], float]:
        """The claims; or none, and in how many seconds the next lease runs out."""
        lease, unheard = uuid4().hex, self._still_unheard()
        values = {"unheard": unheard, "most": most, "lease": lease, "seconds": lease_seconds, "worker": worker}
        try:
            async with at_once(self._pool) as conn:
                rows = await (await conn.execute(CLAIM, values)).fetchall()
                left = None if rows else await (await conn.execute(NEXT_FREE)).fetchone()
        except psycopg.Error:
            self._unheard[lease] = time.monotonic() + lease_seconds
            raise
        claims = [Claim(task, attempt, lease, Cause(causation, correlation) if causation else None, fresh)
                  for task, attempt, fresh, causation, correlation in rows]
        if unheard:
            return claims, HASTE  # such a claim may still be on its way
        return claims, float("inf") if left is None or left[0] is None else max(left[0] + AFTER, HASTE)

    def _still_unheard(self) -> list[str]:
        now = time.monotonic()
        self._unheard = {lease: until for lease, until in self._unheard.items() if until > now}
        return list(self._unheard)

    async def renew(self, claim: Claim, lease_seconds: float) -> bool:
        if claim.kept:
            values = {"task": claim.task, "attempt": claim.attempt, "lease": claim.lease, "seconds": lease_seconds, "worker": claim.lease}
            return await self._execute(KEEP, values) == 1
        return await self._execute(RENEW, (lease_seconds, claim.task, claim.attempt, claim.lease)) == 1

    async def leave_to(self, claim: Claim, lease: str, worker: str, lease_seconds: float) -> None:
        await self._execute(LEAVE, (lease, worker, lease_seconds, claim.task, claim.attempt, claim.lease))

    async def done(self, claim: Claim) -> None:
        await self._execute(DONE, (claim.task, claim.attempt, claim.lease))

    async def close(self) -> None:
        """Stop listening."""
        await self._bell.close()

    async def _execute(self, statement: str, values: Sequence[object] | dict[str, object]) -> int:
        """How many rows it was about."""
        async with at_once(self._pool) as conn:
            return (await conn.execute(statement, values)).rowcount


@asynccontextmanager
async def at_once(pool: AsyncConnectionPool) -> AsyncIterator[AsyncConnection[Any]]:
    """A connection on which each statement is a transaction of its own: one way there and back in place of three."""
    async with pool.connection() as conn:
        before = conn.autocommit
        await conn.set_autocommit(True)
        try:
            yield conn
        finally:
            if not conn.closed:
                await conn.set_autocommit(before)


async def _wait(rung: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await rung.wait()
    except TimeoutError:
        return
