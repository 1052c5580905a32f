"""Loops that must not die in silence: an error is logged, counted and shown, and the loop starts again after a pause."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
STEADY = 30.0
"""Seconds without an error after which a loop counts as well again."""


@dataclass
class Loop:
    name: str
    errors: int = 0
    last_error: str = ""
    failed_at: float = field(default=float("-inf"))

    @property
    def trouble(self) -> str:
        """What went wrong lately, or ''."""
        return self.last_error if time.monotonic() - self.failed_at < STEADY else ""


class Supervisor:
    def __init__(self) -> None:
        self.loops: dict[str, Loop] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Keep `run` running until `stop`. It may end by itself; then it is not started again."""
        loop = self.loops.setdefault(name, Loop(name))
        self._tasks.append(asyncio.create_task(self._keep(loop, run), name=name))

    async def _keep(self, loop: Loop, run: Callable[[], Awaitable[None]]) -> None:
        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            try:
                await run()
                return
            except Exception as error:
                loop.errors, loop.last_error, loop.failed_at = loop.errors + 1, f"{type(error).__name__}: {error}", time.monotonic()
                logger.exception("%s stopped and starts again", loop.name)
            pause = FIRST_PAUSE if time.monotonic() - began > STEADY else min(pause * 2, LONGEST_PAUSE)
            await asyncio.sleep(pause)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
