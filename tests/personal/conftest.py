"""A server and people who use it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from api.settings import Settings
from api.wiring.database import as_server
from tests.personal.house import Server, serving


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", database_url=SecretStr(database))


@pytest.fixture
async def server(settings: Settings, database: str) -> AsyncIterator[Server]:
    async with serving(settings, as_server(database)) as server:
        yield server


@pytest.fixture
def admin(database: str) -> Iterator[psycopg.Connection]:
    """A superuser's connection, in autocommit mode."""
    with psycopg.connect(database, autocommit=True) as conn:
        yield conn
