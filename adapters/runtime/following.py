"""From the follower's thread to where its batches are handled.

A follower reads synchronously, in a thread of its own; `handle` runs there as well (a projector), or on the event loop (the
processes). The thread ends when `stop` is set, and closes the follower's connection whichever way it ends.
"""

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any

from adapters.runtime.ending import must_go_on
from domain.recorded import Recorded, Unreadable

logger = logging.getLogger(__name__)
MOMENT, LONGEST = 2.0, 10.0
"""Seconds, when it is to end: what a handler gets to finish by itself, and then what the thread gets to end."""

Batch = Sequence[Recorded | Unreadable]
Batches = Callable[[int, threading.Event], Generator[Batch, None, None]]
"""(position, stop) → batches of what stands after the position, in order; an empty batch now and then while nothing happens."""


async def follow(batches: Batches, position: int, handle: Callable[[Batch], object], idle: Callable[[], object] = lambda: None) -> None:
    """Hand every batch to a synchronous `handle`, in the follower's thread. `idle` is called there while there is no news."""
    await _in_thread(lambda stop: _each(batches(position, stop), stop, handle, idle), lambda: None)


async def follow_on_loop(batches: Batches, position: int, handle: Callable[[Batch], Awaitable[None]]) -> None:
    """Hand every batch to an asynchronous `handle` on this event loop; the follower waits until it is done."""
    bridge = _Bridge(asyncio.get_running_loop(), handle)
    await _in_thread(lambda stop: _each(batches(position, stop), stop, bridge, lambda: None), bridge.cancel)


class _Bridge:
    """Calls a coroutine function from the follower's thread and waits for its end."""

    def __init__(self, loop: asyncio.AbstractEventLoop, handle: Callable[[Batch], Awaitable[None]]) -> None:
        self._loop, self._handle = loop, handle
        self._doing: concurrent.futures.Future[None] | None = None

    def __call__(self, batch: Batch) -> None:
        self._doing = asyncio.run_coroutine_threadsafe(self._await(batch), self._loop)
        self._doing.result()

    async def _await(self, batch: Batch) -> None:
        await self._handle(batch)

    def cancel(self) -> None:
        if self._doing is not None:
            self._doing.cancel()


def _each(batches: Generator[Batch, None, None], stop: threading.Event, handle: Callable[[Batch], object], idle: Callable[[], object]) -> None:
    with contextlib.closing(batches):  # an error that is on its way keeps the generator alive, and with it a connection
        for batch in batches:
            if stop.is_set():
                return
            if batch:
                handle(batch)
            else:
                idle()


async def _in_thread(run: Callable[[threading.Event], None], cancel: Callable[[], None]) -> None:
    """Run in a thread of its own; when this call is cancelled, tell the thread, and wait for it. `cancel` ends what it waits for."""
    must_go_on()
    stop, loop = threading.Event(), asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    threading.Thread(target=_run, args=(run, stop, loop, over), name="follower", daemon=True).start()
    try:
        await asyncio.shield(over)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait({over}, timeout=MOMENT)
        cancel()
        await asyncio.wait({over}, timeout=LONGEST)
        if not over.done():
            logger.error("a follower does not end: it is left behind")
        raise


def _run(run: Callable[[threading.Event], None], stop: threading.Event, loop: asyncio.AbstractEventLoop, over: "asyncio.Future[None]") -> None:
    error: BaseException | None = None
    try:
        run(stop)
    except BaseException as raised:  # noqa: BLE001  # whatever it is, it is raised where the thread was started
        error = raised
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits there any more
        loop.call_soon_threadsafe(_settle, over, error)


def _settle(over: "asyncio.Future[Any]", error: BaseException | None) -> None:
    if over.done():
        return
    if error is None:
        over.set_result(None)
    else:
        over.set_exception(error)
