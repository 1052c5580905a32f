"""A projector and a pool on a fresh database."""

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from projections.catalogue import PROJECTIONS
from projections.engine.projector import Projector
from tests.projections.given import Given


@pytest.fixture
def projector(database: str) -> Iterator[Projector]:
    projector = Projector(database, PROJECTIONS)
    yield projector
    projector.close()


@pytest.fixture
def given(projector: Projector) -> Given:
    return Given(projector)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[AsyncConnectionPool]:
    async with AsyncConnectionPool(database, min_size=1, max_size=4, open=False, kwargs={"autocommit": True}) as pool:
        yield pool


@pytest.fixture
def admin(database: str) -> Iterator[psycopg.Connection]:
    """A superuser's connection, in autocommit mode, that finds the read models."""
    with psycopg.connect(database, autocommit=True, options="-c search_path=views") as conn:
        yield conn
