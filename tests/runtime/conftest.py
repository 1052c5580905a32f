"""A pool and an administrator's connection on a fresh database, and a target in memory."""

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from adapters.deployers.memory import MemoryDeployer


@pytest.fixture
async def pool(database: str) -> AsyncIterator[AsyncConnectionPool]:
    async with AsyncConnectionPool(
            database, kwargs={"application_name": "tiangong test"}, min_size=1, max_size=8, timeout=5, open=False) as pool:
        yield pool


@pytest.fixture
def admin(database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database, autocommit=True) as conn:
        yield conn


@pytest.fixture
async def target() -> AsyncIterator[MemoryDeployer]:
    target = MemoryDeployer()
    yield target
    await target.close()
