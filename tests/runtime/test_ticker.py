"""Timers ring when they come due: once, again if they are still there, and whatever happens to one of them."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from psycopg import OperationalError

from adapters.runtime import ticker as module
from adapters.runtime.ticker import Ticker
from application.ports.timers import Timer
from tests.application.fakes import MemoryTimers
from tests.support.waiting import until

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def timer(number: int, minutes: float = 0, tries: int = 0) -> Timer:
    return Timer(f"task_{number}/deadline", f"task_{number}", "deadline", NOON + timedelta(minutes=minutes), tries)


class Bell:
    """Hears timers; holds or fails those that it is told to."""

    def __init__(self) -> None:
        self.heard, self.failing, self.gates = [], set(), {}
        self.ended, self.cut = [], []

    async def ring(self, timer: Timer, now: datetime) -> None:
        self.heard.append(timer)
        if timer.stream in self.failing:
            raise KeyError(timer.stream)
        if gate := self.gates.get(timer.stream):
            try:
                await gate.wait()
            except asyncio.CancelledError:
                self.cut.append(timer)
                raise
        self.ended.append(timer)


class Clock:
    now = NOON

    def __call__(self) -> datetime:
        return self.now


class Started:
    def __init__(self, timers, again: float = 30.0) -> None:
        self.bell, self.clock = Bell(), Clock()
        self.ticker = Ticker(timers, self.bell.ring, self.clock, every=0.005, again=again)
        self.task = asyncio.create_task(self.ticker.run())

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
def timers():
    return MemoryTimers()


@pytest.fixture
async def it(timers):
    started = Started(timers)
    yield started
    await started.end()


async def looks(it: Started, timers: MemoryTimers, times: int = 3) -> None:
    """The ticker has looked so often since: each time it finds one that is new."""
    for number in range(times):
        fresh = timer(1000 + len(it.bell.heard) + number)
        await timers.set(fresh)
        await until(lambda fresh=fresh: fresh in it.bell.heard)
        await timers.cancel(fresh.id)


async def test_a_timer_rings_when_it_comes_due_and_once(it, timers):
    await timers.set(timer(1, minutes=1))
    await looks(it, timers)
    assert timer(1, minutes=1) not in it.bell.heard
    it.clock.now = NOON + timedelta(minutes=1)
    await until(lambda: timer(1, minutes=1) in it.bell.heard)
    await looks(it, timers)
    assert it.bell.heard.count(timer(1, minutes=1)) == 1


async def test_what_is_still_there_rings_again(timers):
    it = Started(timers, again=0.02)
    await timers.set(timer(1))
    await until(lambda: it.bell.heard.count(timer(1)) > 2)
    await timers.cancel(timer(1).id)
    await looks(it, timers)
    before = it.bell.heard.count(timer(1))
    await looks(it, timers)
    assert it.bell.heard.count(timer(1)) == before
    await it.end()


async def test_a_timer_that_was_moved_rings_at_its_new_time(it, timers):
    await timers.set(timer(1))
    await until(lambda: it.bell.heard == [timer(1)])
    await timers.set(timer(1, tries=2))
    await until(lambda: it.bell.heard == [timer(1), timer(1, tries=2)])


async def test_one_that_fails_keeps_no_other_from_ringing(it, timers, caplog):
    it.bell.failing = {"task_1"}
    await timers.set(timer(1))
    await timers.set(timer(2))
    await until(lambda: it.bell.ended == [timer(2)])
    assert [record.getMessage() for record in caplog.records if record.name == module.__name__] == ["timer task_1/deadline will ring again"]


async def test_one_that_hangs_keeps_no_other_from_ringing_and_is_not_called_a_second_time_meanwhile(timers):
    it = Started(timers, again=0.02)
    it.bell.gates["task_1"] = asyncio.Event()
    await timers.set(timer(1))
    await until(lambda: it.bell.heard == [timer(1)])
    await timers.set(timer(1, tries=3))  # as a delivery does before it sends
    await looks(it, timers, 5)
    assert [heard.id for heard in it.bell.heard].count(timer(1).id) == 1
    it.bell.gates["task_1"].set()
    await until(lambda: timer(1, tries=3) in it.bell.heard)
    await it.end()


async def test_a_call_has_a_deadline(it, timers, monkeypatch, caplog):
    monkeypatch.setattr(module, "LONGEST", 0.01)
    it.bell.gates["task_1"] = asyncio.Event()
    await timers.set(timer(1))
    await until(lambda: it.bell.cut == [timer(1)])
    await until(lambda: caplog.records)


async def test_not_more_than_a_few_are_called_side_by_side(it, timers):
    gate = asyncio.Event()
    for number in range(module.TOGETHER * 2):
        it.bell.gates[f"task_{number}"] = gate
        await timers.set(timer(number))
    await until(lambda: len(it.ticker._ringing) == module.TOGETHER * 2 and len(it.bell.heard) >= module.TOGETHER)
    assert len(it.bell.heard) == module.TOGETHER
    gate.set()
    await until(lambda: len(it.bell.ended) == module.TOGETHER * 2)
    await until(lambda: not it.ticker._ringing)


async def test_what_has_rung_is_forgotten_in_time(timers):
    it = Started(timers, again=0.02)
    for number in range(50):
        await timers.set(timer(number))
    await until(lambda: len(it.bell.ended) >= 50)
    for number in range(50):
        await timers.cancel(timer(number).id)
    await until(lambda: not it.ticker._rung)
    await it.end()


async def test_a_lost_database_ends_the_look_and_not_what_rings():
    class Away:
        async def due(self, now, limit=100):
            if it.bell.heard:
                raise OperationalError("gone")
            return [timer(1)]

    gate = asyncio.Event()
    it = Started(Away())
    it.bell.gates["task_1"] = gate
    await asyncio.wait({it.task}, timeout=5)
    assert isinstance(it.task.exception(), OperationalError)
    assert it.bell.cut == []
    gate.set()
    await until(lambda: it.bell.ended == [timer(1)])


async def test_when_told_to_end_calls_under_way_come_to_their_end(it, timers):
    it.bell.gates["task_1"] = gate = asyncio.Event()
    await timers.set(timer(1))
    await until(lambda: it.bell.heard)
    it.task.cancel()
    await asyncio.sleep(0.01)
    assert not it.task.done()
    gate.set()
    await asyncio.wait({it.task}, timeout=5)
    assert (it.task.cancelled(), it.bell.ended, it.bell.cut) == (True, [timer(1)], [])


async def test_a_call_that_does_not_end_in_time_is_cut_off(it, timers, monkeypatch):
    monkeypatch.setattr(module, "FAREWELL", 0.02)
    it.bell.gates["task_1"] = asyncio.Event()
    await timers.set(timer(1))
    await until(lambda: it.bell.heard)
    await asyncio.wait_for(it.end(), 2)
    assert it.bell.cut == [timer(1)]
