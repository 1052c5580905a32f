"""From the follower's thread to the handlers: ends when told, lets go of what it holds, raises what happened."""

import asyncio
import threading
from collections.abc import Generator

import pytest

from adapters.runtime import following
from adapters.runtime.following import Batch, follow, follow_on_loop
from tests.support.waiting import until

NEWS = ["anything"]


class Source:
    """Batches as a follower gives them; knows whether it was closed, and in which thread it ran."""

    def __init__(self, *batches: Batch) -> None:
        self.batches, self.closed, self.thread = list(batches), False, None

    def __call__(self, position: int, stop: threading.Event) -> Generator[Batch, None, None]:
        self.thread = threading.current_thread()
        try:
            while not stop.is_set():
                if self.batches:
                    yield self.batches.pop(0)
                else:
                    stop.wait(0.005)
                    yield []
        finally:
            self.closed = True


async def cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_every_batch_is_handed_over_in_the_followers_own_thread():
    seen, threads = [], set()

    def handle(batch: Batch) -> None:
        seen.append(batch)
        threads.add(threading.current_thread())

    source = Source(NEWS, [], NEWS)
    task = asyncio.create_task(follow(source, 0, handle))
    await until(lambda: len(seen) == 2)
    await cancelled(task)
    assert threads == {source.thread} != {threading.current_thread()}
    assert source.closed
    await until(lambda: not source.thread.is_alive())


async def test_while_there_is_no_news_idle_is_called():
    calls = []
    task = asyncio.create_task(follow(Source(), 0, lambda _: None, lambda: calls.append(threading.current_thread())))
    await until(lambda: len(calls) > 2)
    await cancelled(task)
    assert threading.current_thread() not in calls


@pytest.mark.parametrize("on_loop", [False, True])
async def test_an_error_of_the_handler_is_raised_and_the_follower_closed_at_once(on_loop):
    source = Source(NEWS)
    error = KeyError("handler")

    def handle(_: Batch) -> None:
        raise error

    async def handle_on_loop(_: Batch) -> None:
        raise error

    with pytest.raises(KeyError) as raised:
        await (follow_on_loop(source, 0, handle_on_loop) if on_loop else follow(source, 0, handle))
    assert raised.value is error
    assert source.closed  # although the error, and with it every frame, is still held
    await until(lambda: not source.thread.is_alive())


async def test_an_error_of_the_follower_is_raised():
    def gap(position: int, stop: threading.Event) -> Generator[Batch, None, None]:
        raise LookupError(f"no {position}")
        yield []

    with pytest.raises(LookupError, match="no 7"):
        await follow(gap, 7, lambda _: None)


async def test_the_follower_waits_for_the_handler_on_the_loop():
    source, gate, handled = Source(NEWS, NEWS), asyncio.Event(), []

    async def handle(batch: Batch) -> None:
        handled.append(len(source.batches))
        await gate.wait()

    task = asyncio.create_task(follow_on_loop(source, 0, handle))
    await until(lambda: handled == [1])
    gate.set()
    await until(lambda: handled == [1, 0])
    await cancelled(task)


async def test_when_told_to_end_the_batch_in_hand_is_finished():
    source, gate, done = Source(NEWS, NEWS), asyncio.Event(), []

    async def handle(batch: Batch) -> None:
        await gate.wait()
        done.append(batch)

    task = asyncio.create_task(follow_on_loop(source, 0, handle))
    await until(lambda: len(source.batches) == 1)
    task.cancel()
    await asyncio.sleep(0)
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == [NEWS]
    assert source.closed


async def test_a_handler_that_does_not_end_is_cancelled(monkeypatch):
    monkeypatch.setattr(following, "MOMENT", 0.05)
    source, began, ended = Source(NEWS), asyncio.Event(), asyncio.Event()

    async def handle(batch: Batch) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(follow_on_loop(source, 0, handle))
    await began.wait()
    async with asyncio.timeout(2):
        await cancelled(task)
        await ended.wait()
    await until(lambda: source.closed and not source.thread.is_alive())


async def test_a_handler_that_somebody_else_cancelled_is_an_error_and_no_end():
    async def handle(batch: Batch) -> None:
        raise asyncio.CancelledError("from within")

    task = asyncio.create_task(follow_on_loop(Source(NEWS), 0, handle))
    await asyncio.wait({task}, timeout=5)
    assert not task.cancelled()
    assert task.exception() is not None
