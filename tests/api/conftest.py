"""A server's parts for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.api.house import Rig, open_rig


@pytest.fixture
async def rig(database: str, tmp_path: Path) -> AsyncIterator[Rig]:
    async with open_rig(database, tmp_path) as made:
        yield made


@pytest.fixture
async def admin(rig: Rig) -> AsyncIterator[httpx.AsyncClient]:
    async with rig.client() as client:
        yield client
