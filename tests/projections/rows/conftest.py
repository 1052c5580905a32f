"""One database for all tests here, emptied for each: it is quicker than a new one, and they change rows only."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.support.postgres import Databases


@pytest.fixture(scope="session")
def shared_database(databases: Databases) -> Iterator[str]:
    conninfo = databases.create()
    yield conninfo
    databases.drop(conninfo)


@pytest.fixture
def database(shared_database: str) -> str:
    with psycopg.connect(shared_database) as conn:
        for (table,) in conn.execute("select relname from pg_class where relnamespace = 'views'::regnamespace and relkind = 'r'").fetchall():
            if table != "positions" and not table.endswith("_counts"):  # those follow by themselves
                conn.execute(sql.SQL("delete from views.{}").format(sql.Identifier(table)))
        conn.execute("update views.positions set position = 0")
    return shared_database
