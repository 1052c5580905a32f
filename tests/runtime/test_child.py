"""A process of our own beside us: real processes."""

import asyncio
import os
import signal

import pytest

from adapters.runtime import child as module
from adapters.runtime.child import Child, ChildDied
from adapters.runtime.ending import ended
from tests.support.waiting import until


@pytest.fixture
def child():
    with Child("tests.runtime.parrot") as made:
        yield made


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_it_gets_its_orders_and_is_heard_and_ends_when_it_is_not_wanted_any_more(child):
    heard, pid = [], child.pid
    running = asyncio.create_task(child.run(b"stay", heard.append))
    await until(lambda: heard)
    assert lives(pid)
    await ended([running])
    assert heard == [b"heard stay\n"]
    assert (lives(pid), child.pid) == (False, None)


async def test_its_death_is_told_and_it_can_be_run_again(child):
    heard, first = [], child.pid
    with pytest.raises(ChildDied, match=f"process {first} ended by SIGKILL"):
        await child.run(b"die", heard.append)
    running = asyncio.create_task(child.run(b"stay", heard.append))
    await until(lambda: b"heard stay\n" in heard)
    assert child.pid != first
    await ended([running])


async def test_one_that_died_before_its_orders_is_told_too(child):
    os.kill(child.pid, signal.SIGKILL)
    await asyncio.to_thread(os.waitid, os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(ChildDied, match="before it had its orders"):
        await child.run(b"stay", bytes)


async def test_one_that_does_not_end_is_killed(child, monkeypatch, caplog):
    monkeypatch.setattr(module, "LONGEST", 0.1)
    heard, pid = [], child.pid
    running = asyncio.create_task(child.run(b"hang", heard.append))
    await until(lambda: heard)
    await ended([running])
    assert not lives(pid)
    assert f"process {pid} does not end and is killed" in caplog.text


def test_one_that_never_got_orders_ends(child):
    pid = child.pid
    child.end()
    assert not lives(pid)
    child.end()
