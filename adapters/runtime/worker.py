"""Claims released attempts and runs them, a few side by side."""

import asyncio
import logging

from application.ports.queue import Queue
from application.processes.execution import Execution, Times

logger = logging.getLogger(__name__)


class Worker:
    def __init__(self, queue: Queue, execution: Execution, name: str, slots: int = 4, times: Times | None = None) -> None:
        self._queue, self._execution, self._name = queue, execution, name
        self._free = asyncio.Semaphore(slots)
        self._times = times or Times()
        self._running: set[asyncio.Task[None]] = set()
        self._draining = False

    async def run(self) -> None:
        while not self._draining:
            await self._free.acquire()
            try:
                claim = None if self._draining else await self._queue.claim(self._name, self._times.lease, wait_seconds=5)
            except BaseException:
                self._free.release()
                raise
            if claim is None:
                self._free.release()
                continue
            task = asyncio.create_task(self._execution.run(claim), name=f"{claim.task}-{claim.attempt}")
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._free.release()
        if not task.cancelled() and (error := task.exception()):
            logger.error("running %s broke off; its lease runs out and it is taken up again", task.get_name(), exc_info=error)

    async def drain(self, seconds: float) -> None:
        """Take nothing new; let what runs come to its end, up to a limit. What is left is taken up after the next start."""
        self._draining = True
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
