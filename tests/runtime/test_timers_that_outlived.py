"""Timers for what is over, or was never there: put away where they ring, so that they do not ring for ever."""

from datetime import timedelta

import pytest

from application.house import utc_now
from application.ports.timers import Timer
from tests.runtime.party import ended, party


@pytest.fixture
async def w(database, target):
    async with party(database, target) as made:
        yield made


async def test_a_deadline_of_what_is_over_is_put_away(w):
    id = await w.deploy()
    task = await w.task(id)
    w.work()
    assert await ended(w, id) == ["success"]
    past = utc_now() - timedelta(hours=1)
    for stream in (id, task):
        await w.timers.set(leftover(stream, past))
        await w.ringing.ring(leftover(stream, past), past)
    assert [timer for timer in await w.timers.due(past) if timer.stream in (id, task)] == []


async def test_a_deadline_of_what_goes_on_stays_although_it_leads_to_nothing(w):
    id = await w.deploy()
    earlier = leftover(id, utc_now() - timedelta(hours=1))  # not the deployment's own deadline
    await w.timers.set(earlier)
    await w.ringing.ring(earlier, utc_now())
    assert await w.timers.due(utc_now()) == [earlier]


@pytest.mark.parametrize(
    ("stream", "kind"), [("task_gone", "deadline"), ("dep_gone", "deadline"), ("ntf_gone", "delivery"), ("dep_gone", "reminder")])
async def test_a_timer_of_another_log_is_put_away(w, stream, kind):
    past = utc_now() - timedelta(hours=1)
    timer = Timer(f"{stream}/{kind}", stream, kind, past)
    await w.timers.set(timer)
    await w.ringing.ring(timer, past)
    assert await w.timers.due(utc_now()) == []


def leftover(stream: str, due) -> Timer:
    return Timer(f"{stream}/deadline", stream, "deadline", due)
