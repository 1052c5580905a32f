"""Stored deadlines on a real PostgreSQL."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from adapters.timers.postgres import PostgresTimers
from application.ports.timers import Timer
from tests.support.pools import pool_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def timer(n: int, minutes: float) -> Timer:
    return Timer(f"task_{n}/deadline", f"task_{n}", "deadline", NOON + timedelta(minutes=minutes))


@pytest.fixture
async def timers(database: str) -> AsyncIterator[PostgresTimers]:
    async with pool_of(database) as pool:
        yield PostgresTimers(pool)


async def test_what_has_come_due_is_told_oldest_first_and_stays_until_cancelled(timers):
    for one in (timer(1, 2), timer(2, 1), timer(3, 5)):
        await timers.set(one)
    for _ in range(2):
        assert await timers.due(NOON + timedelta(minutes=2)) == [timer(2, 1), timer(1, 2)]
    assert await timers.due(NOON + timedelta(hours=1), limit=1) == [timer(2, 1)]
    await timers.cancel("task_2/deadline")
    await timers.cancel("task_2/deadline")
    assert await timers.due(NOON + timedelta(minutes=2)) == [timer(1, 2)]


async def test_nothing_is_due_before_its_time(timers):
    await timers.set(timer(1, 1))
    assert await timers.due(NOON + timedelta(seconds=59.999999)) == []


async def test_setting_a_timer_again_moves_it(timers):
    await timers.set(timer(1, 1))
    moved = Timer("task_1/deadline", "task_1", "deadline", NOON + timedelta(hours=2), tries=3)
    await timers.set(moved)
    assert await timers.due(NOON + timedelta(hours=1)) == []
    assert await timers.due(NOON + timedelta(hours=2)) == [moved]


async def test_the_earliest_is_known_in_utc_whatever_zone_it_was_set_in(timers):
    assert await timers.next_due() is None
    there = timezone(timedelta(hours=8))
    await timers.set(Timer("a/b", "a", "b", (NOON + timedelta(minutes=3)).astimezone(there)))
    await timers.set(timer(1, 4))
    earliest = await timers.next_due()
    assert earliest == NOON + timedelta(minutes=3)
    assert earliest.tzinfo is UTC


async def test_many_are_changed_at_once(timers):
    await timers.set(timer(1, 1))
    await timers.set(timer(2, 2))
    await timers.change([timer(3, 3), timer(2, 4)], ["task_1/deadline", "task_9/deadline"])
    assert await timers.due(NOON + timedelta(hours=1)) == [timer(3, 3), timer(2, 4)]
    await timers.change([], [])
    assert await timers.next_due() == NOON + timedelta(minutes=3)
