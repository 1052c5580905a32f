"""One timer for all who wait equally long: a timer of its own for each append would cost as much as storing it."""

import asyncio
from collections import deque
from collections.abc import Callable

from application.ports.log import Appended

Answer = asyncio.Future[Appended]


class Patience:
    """Futures of one event loop at a time; each that has no result `seconds` after `watch` gets what `late` makes."""

    def __init__(self, seconds: float, late: Callable[[], Exception]) -> None:
        self._seconds, self._late = seconds, late
        self._waiting: deque[tuple[float, Answer]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, answer: Answer) -> None:
        loop = answer.get_loop()
        if loop is not self._loop:  # the one before has ended, and whoever waited there
            self._loop, self._timer, self._waiting = loop, None, deque()
        waiting = self._waiting
        while waiting and waiting[0][1].done():
            waiting.popleft()
        waiting.append((loop.time() + self._seconds, answer))
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        """They wait in the order of their deadlines."""
        waiting, now = self._waiting, loop.time()
        while waiting and (waiting[0][1].done() or waiting[0][0] <= now):
            answer = waiting.popleft()[1]
            if not answer.done():
                answer.set_exception(self._late())
        self._timer = loop.call_at(waiting[0][0], self._ring, loop) if waiting else None
