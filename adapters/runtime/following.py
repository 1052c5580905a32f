"""From the follower's thread to where its batches are handled.

A follower reads synchronously, in a thread of its own; `handle` runs there as well (a projector), or on the event loop (the
processes). The thread ends when `stop` is set.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence

from domain.recorded import Recorded, Unreadable

Batch = Sequence[Recorded | Unreadable]
Batches = Callable[[int, threading.Event], Iterator[Batch]]
"""(position, stop) → batches of what stands after the position, in order; an empty batch now and then while nothing happens."""


async def follow(batches: Batches, position: int, handle: Callable[[Batch], None]) -> None:
    """Hand every batch to a synchronous `handle`, in the follower's thread."""
    await _in_thread(lambda stop: _each(batches(position, stop), handle))


async def follow_on_loop(batches: Batches, position: int, handle: Callable[[Batch], Awaitable[None]]) -> None:
    """Hand every batch to an asynchronous `handle` on this event loop; the follower waits until it is done."""
    loop = asyncio.get_running_loop()

    def bridge(batch: Batch) -> None:
        asyncio.run_coroutine_threadsafe(_await(handle(batch)), loop).result()

    await _in_thread(lambda stop: _each(batches(position, stop), bridge))


async def _await(work: Awaitable[None]) -> None:
    await work


def _each(batches: Iterator[Batch], handle: Callable[[Batch], None]) -> None:
    for batch in batches:
        if batch:
            handle(batch)


async def _in_thread(run: Callable[[threading.Event], None]) -> None:
    """Run in a thread; when this call is cancelled, tell the thread, and wait for it."""
    stop = threading.Event()
    thread = asyncio.get_running_loop().run_in_executor(None, run, stop)
    try:
        await asyncio.shield(thread)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait({thread}, timeout=10)
        raise
