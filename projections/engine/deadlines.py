"""One timer for all who wait equally long: one for each would cost more than what they wait for."""

import asyncio
from collections import deque

Waiting = asyncio.Future[bool]


class Deadlines:
    """Futures of one event loop: each that has no result `seconds` after `watch` gets False."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._waiting: deque[tuple[float, Waiting]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, reached: Waiting) -> None:
        waiting, loop = self._waiting, reached.get_loop()
        while waiting and waiting[0][1].done():
            waiting.popleft()
        waiting.append((loop.time() + self._seconds, reached))
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        """They wait in the order of their deadlines."""
        waiting, now = self._waiting, loop.time()
        while waiting and (waiting[0][1].done() or waiting[0][0] <= now):
            settle(waiting.popleft()[1], False)
        self._timer = loop.call_at(waiting[0][0], self._ring, loop) if waiting else None


def settle(reached: Waiting, outcome: bool) -> None:
    if not reached.done():
        reached.set_result(outcome)
