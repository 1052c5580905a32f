"""Pools for tests, closed with the test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg_pool import AsyncConnectionPool


@asynccontextmanager
async def pool_of(conninfo: str, size: int = 8) -> AsyncIterator[AsyncConnectionPool]:
    async with AsyncConnectionPool(conninfo, min_size=1, max_size=size, timeout=5, open=False) as pool:
        yield pool
