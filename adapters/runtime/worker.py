"""Claims released attempts and runs them, a few side by side."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from adapters.runtime.slots import Slots
from application.ports.queue import Claim, Queue
from application.processes.execution import Begun, Execution, Times

logger = logging.getLogger(__name__)
FAREWELL = 10.0
"""Seconds that a stopped attempt gets to close its log."""
WAIT = 5.0
"""Seconds that one call waits for an entry."""


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
                claims = await self._claim()
            except BaseException:
                self._slots.give()
                raise
            if not claims:
                self._slots.give()
                continue
            self._start(self._begin(claims), "+".join(f"{claim.task}-{claim.attempt}" for claim in claims))

    async def _claim(self) -> list[Claim]:
        """As many as there are slots, which are taken then; one is ours already."""
        if self._draining.is_set():
            return []
        self._slots.idle = True
        try:
            claims = await self._queue.claim_many(self._name, self._times.lease, WAIT, lambda: 1 + self._slots.free)
        finally:
            self._slots.idle = False
        slots = 0 if self._draining.is_set() else 1 + self._slots.take_free(len(claims) - 1)
        for claim in claims[slots:]:
            await self._queue.renew(claim, 0)  # it came while we were told to end, or its slot was taken: somebody else may have it at once
        return claims[:slots]

    async def _begin(self, claims: list[Claim]) -> None:
        begun: list[Begun] = []
        try:
            begun = await self._execution.begin(claims)
        finally:
            self._slots.give(len(claims) - len(begun))
        for one in begun:
            self._carry(one)

    def _carry(self, begun: Begun) -> None:
        """In a slot that is taken already."""
        task = self._start(self._execution.carry(begun, self._carry), f"{begun.claim.task}-{begun.claim.attempt}")
        task.add_done_callback(lambda _: self._slots.give())

    def _start(self, doing: Coroutine[Any, Any, None], name: str) -> "asyncio.Task[None]":
        task = asyncio.create_task(doing, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("running %s broke off; its lease runs out and it is taken up again", task.get_name(), exc_info=error)

    async def drain(self, seconds: float) -> None:
        """Take nothing new; let what runs come to its end, up to a limit. What is left is taken up after the next start."""
        self._draining.set()
        self._slots.idle = False
        if running := set(self._running):
            await asyncio.wait(running, timeout=seconds)
        for task in (left := set(self._running)):
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=FAREWELL)
