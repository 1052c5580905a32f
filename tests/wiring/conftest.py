"""Settings over a fresh database, as an operator would name it."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from api.home import Home
from api.settings import Settings


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", database_url=SecretStr(database))


@pytest.fixture
def home(settings: Settings) -> Home:
    home = Home(settings.home)
    home.make()
    return home


@pytest.fixture
def admin(database: str) -> Iterator[psycopg.Connection]:
    """A superuser's connection, in autocommit mode."""
    with psycopg.connect(database, autocommit=True) as conn:
        yield conn
