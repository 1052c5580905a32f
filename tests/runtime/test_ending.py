"""Tasks that are to end, and a cancellation that gets lost on the way."""

import asyncio
import threading

import pytest

from adapters.runtime import ending
from adapters.runtime.ending import ended
from adapters.runtime.following import follow_on_loop


async def deaf(heard: asyncio.Event) -> None:
    """Does not notice its first cancellation, as who waits by `asyncio.wait_for` in Python 3.11 may."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        heard.set()
    await asyncio.Event().wait()


async def test_a_task_that_missed_its_cancellation_is_told_again(monkeypatch):
    monkeypatch.setattr(ending, "AGAIN", 0.05)
    heard = asyncio.Event()
    task = asyncio.create_task(deaf(heard))
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await ended([task])
    assert heard.is_set()
    assert task.cancelled()


async def test_what_ended_with_an_error_is_over_as_well():
    task = asyncio.create_task(asyncio.sleep(60))
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    failed.set_exception(ValueError("over"))
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await ended([task, failed])
    assert task.cancelled()


async def test_no_follower_begins_in_a_task_that_missed_its_cancellation():
    heard, begun = asyncio.Event(), threading.Event()

    async def run() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            heard.set()

        def batches(position, stop):
            begun.set()
            yield []

        async def handle(batch) -> None: ...

        await follow_on_loop(batches, 0, handle)

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 10)
    assert heard.is_set()
    assert not begun.is_set()
