"""A world for each test: once as it is, once with processes that fulfil every wish twice."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import settings

from tests.application.world import World

settings.register_profile("shared", deadline=None)
settings.load_profile("shared")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.close()


@pytest.fixture(params=[1, 2], ids=["once", "twice"])
async def repeating(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """For stories: they must end the same when every wish is fulfilled twice."""
    world = World(fulfilled=request.param)
    yield world
    await world.close()
