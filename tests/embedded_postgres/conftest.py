"""A cluster is made once, then copied: making one takes as long as ten starts."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.embedded_postgres import EmbeddedPostgres
from tests.embedded_postgres.support import ask, insert, kill_all

Make = Callable[..., EmbeddedPostgres]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped cluster with one row in `kept`, and without the template databases: they are two thirds of what would be copied."""
    data = tmp_path_factory.mktemp("template") / "postgres"
    with EmbeddedPostgres(data) as server:
        conninfo = server.start()
        insert(conninfo)
        for name in ("template0", "template1"):
            ask(conninfo, f"alter database {name} is_template false")
            ask(conninfo, f"drop database {name}")
    return data


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A private home."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return home


@pytest.fixture
def data(template: Path, home: Path) -> Path:
    """The data folder of a stopped cluster with one row in `kept`."""
    return shutil.copytree(template, home / "postgres", ignore=shutil.ignore_patterns("socket"))


@pytest.fixture
def server_on() -> Iterator[Make]:
    """Makes servers, and leaves no process of theirs behind."""
    made: list[tuple[Path, EmbeddedPostgres]] = []

    def make(data: Path, deadline: float = 20.0) -> EmbeddedPostgres:
        made.append((data, EmbeddedPostgres(data, deadline=deadline)))
        return made[-1][1]

    yield make
    for data, _ in made:
        kill_all(data)
    for _, server in made:
        server.stop()  # takes the zombies away
