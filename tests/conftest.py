"""Fixtures of all tests: databases of an embedded PostgreSQL, started when a test first asks for one."""

from collections.abc import Iterator

import pytest

from adapters.embedded_postgres import EmbeddedPostgres
from tests.support.postgres import Databases


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """One server for the session."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    try:
        yield Databases(server.start())
    finally:
        server.stop()


@pytest.fixture
def database(databases: Databases) -> Iterator[str]:
    """The connection string (of the superuser) of a fresh database with all our tables."""
    conninfo = databases.create()
    yield conninfo
    databases.drop(conninfo)


@pytest.fixture
def empty_database(databases: Databases) -> Iterator[str]:
    """The connection string of a fresh database with nothing in it."""
    conninfo = databases.create(migrated=False)
    yield conninfo
    databases.drop(conninfo)
