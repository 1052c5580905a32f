"""What is done in the moment that a position is reached, before those wake who wait for it."""

import asyncio

import pytest

from projections.engine.positions import Positions
from projections.engine.projector import Projector
from tests.projections.facts import recorded, samples
from tests.support.waiting import until

RECORDS = recorded(*samples())


@pytest.fixture
async def positions(database: str):
    async with Positions(database, look=30.0) as positions:
        await until(lambda: positions.connected)
        yield positions


async def test_it_is_done_for_all_before_the_first_of_them_wakes(positions: Positions, projector: Projector):
    said: list[str] = []

    async def wait(name: str) -> None:
        assert await positions.wait(2, 10, lambda: said.append(f"then {name}"))
        said.append(f"awake {name}")

    waiting = [asyncio.create_task(wait(name)) for name in "ab"]
    await asyncio.to_thread(projector.apply, RECORDS[:2])
    await asyncio.gather(*waiting)
    assert said == ["then a", "then b", "awake a", "awake b"]


async def test_it_is_done_at_once_where_the_position_is_reached_already(positions: Positions, projector: Projector):
    await asyncio.to_thread(projector.apply, RECORDS[:2])
    assert await positions.wait(2, 10)
    said: list[str] = []
    assert await positions.wait(1, 10, lambda: said.append("then"))
    assert said == ["then"]


async def test_it_is_not_done_for_who_has_waited_in_vain(positions: Positions, projector: Projector):
    said: list[str] = []
    impatient = asyncio.create_task(positions.wait(2, 0.01, lambda: said.append("too late")))
    cancelled = asyncio.create_task(positions.wait(2, 10, lambda: said.append("too late")))
    assert not await impatient
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)
    patient = asyncio.create_task(positions.wait(2, 10, lambda: said.append("in time")))
    await asyncio.to_thread(projector.apply, RECORDS[:2])
    assert await patient
    assert said == ["in time"]
