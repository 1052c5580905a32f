"""A PostgreSQL of its own for tests that kill its processes: the other tests' server stays out of it."""

import os
import random
from collections.abc import Iterator

import pytest

from adapters.embedded_postgres import EmbeddedPostgres
from tests.support.postgres import Databases


@pytest.fixture(scope="module")
def shaken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with EmbeddedPostgres(tmp_path_factory.mktemp("shaken")) as server:
        yield Databases(server.start())


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("TIANGONG_SOAK_SEED", random.randrange(10**6)))
