"""Loops that must not die in silence: an error is logged, counted and shown, and the loop starts again after a pause."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from adapters.runtime.away import is_away
from adapters.runtime.ending import ended

logger = logging.getLogger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds until it starts again: the first time, and at most."""
FIRST_AWAY, LONGEST_AWAY = 0.05, 1.0
"""The same where it only waits for the database. Who has run for longer than that had the database, and begins again with the first pause."""
STEADY, STEADY_AWAY = 30.0, 3.0
"""Seconds without an error after which a loop counts as well again; the same for one that had lost the database."""


@dataclass
class Loop:
    name: str
    errors: int = 0
    last_error: str = ""
    failed_at: float = field(default=float("-inf"))
    shown: float = STEADY
    """Seconds that the last error is shown."""

    @property
    def trouble(self) -> str:
        """What went wrong lately, or ''."""
        return self.last_error if time.monotonic() - self.failed_at < self.shown else ""

    def note(self, error: BaseException) -> None:
        away = is_away(error)
        self.record(f"{type(error).__name__}: {error}", away=away)
        if away:
            logger.warning("%s starts again: %s", self.name, self.last_error)
        else:
            logger.error("%s stopped and starts again", self.name, exc_info=error)

    def record(self, error: str, *, away: bool) -> None:
        """Also of a process that does this loop's work, and has logged it itself."""
        self.errors, self.last_error, self.failed_at = self.errors + 1, error, time.monotonic()
        self.shown = STEADY_AWAY if away else STEADY


class Pauses:
    """Each twice as long as the one before of its kind."""

    def __init__(self) -> None:
        self._next, self._next_away = FIRST_PAUSE, FIRST_AWAY

    def after(self, ran: float, *, away: bool) -> float:
        """Seconds until a loop that has run for so long starts again; `away`: it only waits for the database."""
        if away:
            pause = FIRST_AWAY if ran > LONGEST_AWAY else self._next_away
            self._next_away = min(pause * 2, LONGEST_AWAY)
        else:
            pause = FIRST_PAUSE if ran > STEADY else self._next
            self._next = min(pause * 2, LONGEST_PAUSE)
        return pause


class Supervisor:
    """`told` hears of every error too: its words, and whether only the database is away."""

    def __init__(self, told: Callable[[str, bool], None] | None = None) -> None:
        self._told = told
        self.loops: dict[str, Loop] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Keep `run` running until `stop`. It may end by itself; then it is not started again."""
        loop = self.loops.setdefault(name, Loop(name))
        self._tasks.append(asyncio.create_task(self._keep(loop, run), name=name))

    async def _keep(self, loop: Loop, run: Callable[[], Awaitable[None]]) -> None:
        pauses = Pauses()
        while True:
            began = time.monotonic()
            error = await self._run(run)
            if error is None:
                return
            loop.note(error)
            if self._told is not None:
                self._told(loop.last_error, is_away(error))
            await asyncio.sleep(pauses.after(time.monotonic() - began, away=is_away(error)))

    @staticmethod
    async def _run(run: Callable[[], Awaitable[None]]) -> BaseException | None:
        """The error that it ended with; None where it ended by itself."""
        try:
            await run()
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return error  # nobody cancelled us: something that it waited for was cancelled
        except Exception as error:  # noqa: BLE001  # the caller notes it
            return error
        return None

    async def stop(self) -> None:
        await ended(self._tasks)
        self._tasks.clear()
