"""A log on a fresh database, whose order and chain are checked after each test."""

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from adapters.event_store.log import PostgresLog
from tests.event_store.facts import assert_whole


@pytest.fixture
def admin(database: str) -> Iterator[psycopg.Connection]:
    """A superuser's connection, in autocommit mode."""
    with psycopg.connect(database, autocommit=True) as conn:
        yield conn


@pytest.fixture
def as_server(database: str) -> str:
    """The database as the running server sees it: in the role that has only its rights."""
    return make_conninfo(database, options="-c role=tiangong_server")


@pytest.fixture
async def log(database: str, admin: psycopg.Connection) -> AsyncIterator[PostgresLog]:
    async with PostgresLog(database) as log:
        yield log
    assert_whole(admin)
