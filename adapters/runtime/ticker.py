"""Rings timers when they come due: looks twice a second, calls a few side by side, and never one that is still being called."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

from application.ports.timers import Timer, Timers

logger = logging.getLogger(__name__)
AGAIN = 30.0
"""Seconds until a timer that has rung and is still there rings again."""
LONGEST = 110.0
"""Seconds that a call may take: less than the two minutes after which a delivery without an end is taken up again."""
FAREWELL = 5.0
"""Seconds that calls under way get to end when the ticker is to end."""
TOGETHER = 16


class Ticker:
    """Only one should run at a time (see `alone`): two would send each message twice."""

    def __init__(
        self, timers: Timers, ring: Callable[[Timer, datetime], Awaitable[None]], clock: Callable[[], datetime], every: float = 0.5,
        again: float = AGAIN,
    ) -> None:
        self._timers, self._ring, self._clock, self._every, self._again = timers, ring, clock, every, again
        self._rung: dict[tuple[str, datetime, int], float] = {}
        self._ringing: dict[str, asyncio.Task[None]] = {}
        self._few = asyncio.Semaphore(TOGETHER)

    async def run(self) -> None:
        try:
            while True:
                self._look(self._clock(), await self._timers.due(self._clock()))
                await asyncio.sleep(self._every)
        except asyncio.CancelledError:
            await self._let_end()
            raise

    def _look(self, now: datetime, due: list[Timer]) -> None:
        lately = time.monotonic() - self._again
        self._rung = {key: at for key, at in self._rung.items() if at > lately}
        for timer in due:
            key = (timer.id, timer.due, timer.tries)
            if key not in self._rung and timer.id not in self._ringing:
                self._rung[key] = time.monotonic()
                self._ringing[timer.id] = task = asyncio.create_task(self._one(timer, now), name=f"timer {timer.id}")
                task.add_done_callback(lambda _, id=timer.id: self._ringing.pop(id))  # type: ignore[misc]

    async def _one(self, timer: Timer, now: datetime) -> None:
        try:
            async with self._few, asyncio.timeout(LONGEST):
                await self._ring(timer, now)
        except Exception:
            logger.exception("timer %s will ring again", timer.id)

    async def _let_end(self) -> None:
        """What has been sent is recorded as sent, where a moment is enough for that."""
        ringing = set(self._ringing.values())
        if ringing:
            await asyncio.wait(ringing, timeout=FAREWELL)
        for task in ringing:
            task.cancel()
        await asyncio.gather(*ringing, return_exceptions=True)
