"""Rings timers when they come due: looks when the next one is due, at least once a second for those set meanwhile."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

from application.ports.timers import Timer, Timers

logger = logging.getLogger(__name__)
AGAIN = 30.0
"""Seconds until a timer that has rung and is still there rings again."""


class Ticker:
    def __init__(self, timers: Timers, ring: Callable[[Timer, datetime], Awaitable[None]], clock: Callable[[], datetime], every: float = 0.5) -> None:
        self._timers, self._ring, self._clock, self._every = timers, ring, clock, every
        self._rung: dict[tuple[str, datetime, int], float] = {}
        self._ringing: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        while True:
            now = self._clock()
            for timer in await self._timers.due(now):
                if self._is_new(timer):
                    task = asyncio.create_task(self._one(timer, now))
                    self._ringing.add(task)
                    task.add_done_callback(self._ringing.discard)
            await asyncio.sleep(self._every)

    def _is_new(self, timer: Timer) -> bool:
        self._rung = {key: at for key, at in self._rung.items() if time.monotonic() - at < AGAIN}
        key = (timer.id, timer.due, timer.tries)
        if key in self._rung:
            return False
        self._rung[key] = time.monotonic()
        return True

    async def _one(self, timer: Timer, now: datetime) -> None:
        try:
            await self._ring(timer, now)
        except Exception:
            logger.exception("timer %s will ring again", timer.id)
