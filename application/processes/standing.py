"""What queue and timers are to hold, of many wishes at once: only what is left of them in the end, in one change each.

A task that was released, begun and ended between two looks was never on offer; a timer that was set and cancelled never was.
"""

from collections.abc import Iterable

from application.ports.queue import Entry, Queue, kept_lease
from application.ports.timers import Timer, Timers
from application.processes.wishes import CancelTimer, HoldTask, OfferTask, SetTimer, Standing, WithdrawTask
from domain.recorded import Cause

Attempt = tuple[str, int]


class Folded:
    """Wishes in order; later ones about the same thing count."""

    def __init__(self, wishes: Iterable[tuple[Standing, Cause]] = ()) -> None:
        self.offered: dict[Attempt, Entry] = {}
        self.over: dict[Attempt, None] = {}
        self.timers: dict[str, Timer] = {}
        self.cancelled: dict[str, None] = {}
        for wish, cause in wishes:
            self._take(wish, cause)

    def _take(self, wish: Standing, cause: Cause) -> None:
        match wish:
            case OfferTask():
                self.offered[wish.task, wish.attempt] = Entry(wish.task, wish.attempt, cause)
            case HoldTask():
                self._hold(wish)
            case WithdrawTask():
                self.offered.pop((wish.task, wish.attempt), None)
                self.over[wish.task, wish.attempt] = None
            case SetTimer():
                self.timers[wish.id] = Timer(wish.id, wish.stream, wish.kind, wish.due)
                self.cancelled.pop(wish.id, None)
            case CancelTimer():
                self.timers.pop(wish.id, None)
                self.cancelled[wish.id] = None

    def _hold(self, wish: HoldTask) -> None:
        """Of what was not offered just now, the queue knows better who holds it."""
        key = wish.task, wish.attempt
        if key in self.offered:
            lease = kept_lease(wish.task, wish.attempt, wish.token)
            self.offered[key] = Entry(wish.task, wish.attempt, self.offered[key].cause, lease, wish.worker)

    async def fulfil(self, queue: Queue, timers: Timers) -> None:
        """Timers first: nothing runs before its deadline is stored. All of it may be repeated."""
        if self.timers or self.cancelled:
            await timers.change(list(self.timers.values()), self.cancelled)
        if self.offered or self.over:
            await queue.change(list(self.offered.values()), self.over)

