"""Loops that must not die in silence."""

import asyncio
import logging

import pytest
from psycopg import OperationalError

from adapters.runtime import supervisor as module
from adapters.runtime.supervisor import Loop, Pauses, Supervisor
from application.ports.log import LogUnavailable
from tests.support.waiting import until


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.05)


@pytest.fixture
async def supervisor():
    made = Supervisor()
    yield made
    await made.stop()


class Failing:
    """Raises what it is given, one after the other, then runs."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors, self.began = list(errors), []

    async def run(self) -> None:
        self.began.append(asyncio.get_running_loop().time())
        if self.errors:
            raise self.errors.pop(0)
        await asyncio.Event().wait()


async def test_a_loop_that_fails_starts_again_and_its_trouble_is_shown(supervisor, caplog):
    loop = Failing(ValueError("the first"), KeyError("the second"))
    supervisor.start("it", loop.run)
    assert supervisor.loops["it"].trouble == ""
    await until(lambda: len(loop.began) == 3)
    it = supervisor.loops["it"]
    assert (it.errors, it.trouble) == (2, "KeyError: 'the second'")
    assert [record.exc_info is not None for record in caplog.records if record.name == module.__name__] == [True, True]


async def test_each_pause_is_longer_than_the_one_before(supervisor):
    loop = Failing(*[ValueError()] * 3)
    supervisor.start("it", loop.run)
    await until(lambda: len(loop.began) == 4)
    pauses = [later - earlier for earlier, later in zip(loop.began, loop.began[1:], strict=False)]
    assert pauses[0] < pauses[1] < pauses[2]
    assert pauses[0] >= module.FIRST_PAUSE * 0.9


def test_who_has_had_the_database_for_a_while_starts_again_at_once_however_often_it_was_lost():
    pauses = Pauses()
    for _ in range(20):
        assert pauses.after(module.LONGEST_AWAY + 1, away=True) == module.FIRST_AWAY


def test_while_the_database_is_away_the_pauses_grow_to_a_second():
    pauses = Pauses()
    found = [pauses.after(0.0, away=True) for _ in range(8)]
    assert found == sorted(found)
    assert (found[0], found[1], found[-1]) == (module.FIRST_AWAY, 2 * module.FIRST_AWAY, module.LONGEST_AWAY)


def test_an_error_does_not_wait_the_longer_for_the_database_s_absence_before_it():
    pauses = Pauses()
    for _ in range(8):
        pauses.after(0.0, away=True)
    assert pauses.after(0.0, away=False) == module.FIRST_PAUSE


@pytest.mark.parametrize("error", [OperationalError("gone"), LogUnavailable("away")])
async def test_a_lost_database_is_a_warning_and_not_shown_for_long(supervisor, caplog, error):
    loop = Failing(error)
    supervisor.start("it", loop.run)
    await until(lambda: len(loop.began) == 2)
    [record] = [record for record in caplog.records if record.name == module.__name__]
    assert (record.levelno, record.exc_info) == (logging.WARNING, None)
    assert supervisor.loops["it"].shown == module.STEADY_AWAY < module.STEADY


def test_trouble_is_forgotten_after_a_while():
    loop = Loop("it")
    loop.note(ValueError("now"))
    assert loop.trouble
    loop.failed_at -= module.STEADY
    assert loop.trouble == ""


async def test_a_loop_whose_inside_was_cancelled_by_somebody_else_starts_again(supervisor):
    loop = Failing(asyncio.CancelledError("not yours"))
    supervisor.start("it", loop.run)
    await until(lambda: len(loop.began) == 2)
    assert supervisor.loops["it"].trouble.startswith("CancelledError")


async def test_a_loop_that_ends_by_itself_is_not_started_again(supervisor):
    began = []

    async def run() -> None:
        began.append(1)

    supervisor.start("it", run)
    await asyncio.wait(supervisor._tasks, timeout=5)
    assert (began, supervisor.loops["it"].errors) == ([1], 0)


async def test_stop_ends_all_loops_also_those_that_pause():
    supervisor = Supervisor()
    running, pausing = Failing(), Failing(*[ValueError()] * 10)
    supervisor.start("running", running.run)
    supervisor.start("pausing", pausing.run)
    await until(lambda: pausing.began and running.began)
    before = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.wait_for(supervisor.stop(), 1)
    assert all(task.done() for task in before)
