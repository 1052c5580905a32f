"""Catching up with two hands: while the database writes one batch, the next is prepared."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from projections.engine.collecting import Hurry
from projections.engine.projector import Projector
from projections.engine.write import Record

MANY = 100
"""From so many facts on there is something to gain."""
LONGEST = 10.0
"""Seconds that a batch gets to end by itself when all is closed."""


class Ahead:
    """Hands batches to a projector. It belongs to one thread, and so does the projector from then on."""

    def __init__(self, projector: Projector) -> None:
        self._projector = projector
        self._thread = ThreadPoolExecutor(1, "projector")
        self._doing: Future[int] | None = None
        self._hurry = Hurry()

    def apply(self, batch: Sequence[Record]) -> None:
        """A small batch is in the tables then; a large one comes in the background, and what it raises (see `Projector.apply`) is raised by
        the next call. Whoever has no more at hand calls `settle`."""
        if len(batch) < MANY:
            self.settle()
            self._projector.apply(batch)
            return
        self._hurry.begin()
        prepared = self._projector.prepare(batch)
        self._wait()
        self._doing = self._thread.submit(self._projector.apply, prepared)

    def settle(self) -> None:
        """Wait until all that was handed over is in the tables. Raises what kept the last batch from it."""
        try:
            self._wait()
        finally:
            self._hurry.end()

    def _wait(self) -> None:
        doing, self._doing = self._doing, None
        if doing:
            doing.result()

    @property
    def position(self) -> int:
        """Of the last fact that is in the tables, when all that was handed over is."""
        self.settle()
        return self._projector.position

    def close(self) -> None:
        """Let what is under way come to its end, well or not, for some seconds; and close the projector."""
        wait([self._doing] if self._doing else [], LONGEST)
        self._hurry.end()
        self._projector.close()
        self._thread.shutdown(wait=False)
