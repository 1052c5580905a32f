"""Catching up with two hands: while one batch is written, the next is prepared; where there are many, the writing hand is a process of its own."""

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from projections.engine.collecting import Hurry
from projections.engine.hand import Hand, Parcel
from projections.engine.projector import Projector
from projections.engine.write import Prepared, Record

logger = logging.getLogger(__name__)
MANY = 100
"""From so many facts on there is something to gain."""
PAGE = 1000
"""From so many facts on a second hand is worth its while."""
LONGEST = 10.0
"""Seconds that a batch gets to end by itself when all is closed."""


class Ahead:
    """Hands batches to a projector. It belongs to one thread, and so does the projector from then on."""

    def __init__(self, projector: Projector, page: int = PAGE) -> None:
        self.by_hand = 0
        """How many pages the second hand has written."""
        self._projector, self._page, self._closed = projector, page, False
        self._thread = ThreadPoolExecutor(1, "projector")
        self._doing: Future[None] | None = None
        self._hand: Hand | None = None
        """It, and `_pages`, belong to the thread."""
        self._pages = 0
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
        self._doing = self._thread.submit(self._write, prepared)

    def settle(self) -> None:
        """Wait until all that was handed over is in the tables. Raises what kept the last batch from it."""
        try:
            self._wait()
        finally:
            self._hurry.end()
            if self._pages:
                self._thread.submit(self._dismiss)

    def _wait(self) -> None:
        doing, self._doing = self._doing, None
        if doing:
            doing.result()

    def _write(self, prepared: Prepared) -> None:
        if not self._written_by_hand(prepared) and not self._closed:
            self._projector.apply(prepared)

    def _written_by_hand(self, prepared: Prepared) -> bool:
        """By the second hand, if it can. It is called with the second page in a row, and there when it has come."""
        if len(prepared.batch) < self._page or prepared.steps is None:
            return False
        if self._hand is None:
            self._pages += 1
            self._hand = called(self._projector.conninfo) if self._pages > 1 else None
            return False
        done = self._hand.ready and self._hand.write(Parcel(prepared.batch[0].position, prepared.batch[-1].position, prepared.steps))
        if done:
            self.by_hand += 1
            self._projector.quarantined += prepared.poisoned
        elif done is None:
            self._dismiss()
        return bool(done)

    def _dismiss(self) -> None:
        hand, self._hand, self._pages = self._hand, None, 0
        if hand:
            hand.close()

    @property
    def position(self) -> int:
        """Of the last fact that is in the tables, when all that was handed over is."""
        self.settle()
        return self._projector.position

    def close(self) -> None:
        """Let what is under way come to its end, well or not, for some seconds; and close the projector."""
        waited = wait([self._doing] if self._doing else [], LONGEST)
        self._closed, hand = True, self._hand
        if waited.not_done and hand:
            hand.kill()
        self._hurry.end()
        self._projector.close()
        wait([self._thread.submit(self._dismiss)], LONGEST)
        self._thread.shutdown(wait=False)


def called(conninfo: str) -> Hand | None:
    try:
        return Hand(conninfo)
    except OSError as error:
        logger.warning("catching up goes on with one hand: %s", error)
        return None
