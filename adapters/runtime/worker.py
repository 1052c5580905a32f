"""Claims released attempts and runs them, a few side by side."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from application.ports.queue import Claim, Queue
from application.processes.execution import Execution, Times

logger = logging.getLogger(__name__)
FAREWELL = 10.0
"""Seconds that a stopped attempt gets to close its log."""


class Slots:
    """How many attempts run side by side. One that only waits steps aside meanwhile, so that hosts which cannot be reached keep nobody
    else from working."""

    def __init__(self, number: int = 4) -> None:
        self._free = asyncio.Semaphore(number)
        self._owed = 0
        """Slots that their holders lost while they stood aside."""

    async def take(self) -> None:
        await self._free.acquire()

    def give(self) -> None:
        if self._owed:
            self._owed -= 1
        else:
            self._free.release()

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[None]:
        """For a holder: others may have the slot until the block ends."""
        self._free.release()
        try:
            yield
            await self._free.acquire()
        except BaseException:
            self._owed += 1  # the holder ends without the slot, and gives it back all the same
            raise


class Worker:
    def __init__(self, queue: Queue, execution: Execution, name: str, slots: Slots | None = None, times: Times | None = None) -> None:
        self._queue, self._execution, self._name = queue, execution, name
        self._slots = slots or Slots()
        self._times = times or Times()
        self._running: set[asyncio.Task[None]] = set()
        self._draining = asyncio.Event()

    async def run(self) -> None:
        while not self._draining.is_set():
            await self._slots.take()
            try:
                claim = await self._claim()
            except BaseException:
                self._slots.give()
                raise
            if claim is None:
                self._slots.give()
                continue
            task = asyncio.create_task(self._execution.run(claim), name=f"{claim.task}-{claim.attempt}")
            self._running.add(task)
            task.add_done_callback(self._ended)

    async def _claim(self) -> Claim | None:
        if self._draining.is_set():
            return None
        claim = await self._queue.claim(self._name, self._times.lease, wait_seconds=5)
        if claim is not None and self._draining.is_set():
            await self._queue.renew(claim, 0)  # it came while we were told to end: somebody else may have it at once
            return None
        return claim

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._slots.give()
        if not task.cancelled() and (error := task.exception()):
            logger.error("running %s broke off; its lease runs out and it is taken up again", task.get_name(), exc_info=error)

    async def drain(self, seconds: float) -> None:
        """Take nothing new; let what runs come to its end, up to a limit. What is left is taken up after the next start."""
        self._draining.set()
        if running := set(self._running):
            await asyncio.wait(running, timeout=seconds)
        for task in (left := set(self._running)):
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=FAREWELL)
