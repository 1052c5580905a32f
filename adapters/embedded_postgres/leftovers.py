"""Children that outlived their postmaster. Idle ones notice at once, one in a long computation does not, and the next server may not start beside it."""

import os
import signal
import time

GRACE = 2.0  # seconds to go by themselves, then again between the two signals


class Leftovers:
    """Watches over one wait: call `end` at every look."""

    def __init__(self) -> None:
        self._since: float | None = None

    def end(self, processes: set[int], postmaster: int | None) -> None:
        """Ask them to go, harder with time. Nothing is done while their postmaster lives."""
        if not processes or postmaster in processes:
            self._since = None
            return
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        waited = now - self._since
        if waited > GRACE:
            _signal(processes, signal.SIGKILL if waited > 2 * GRACE else signal.SIGQUIT)


def _signal(processes: set[int], number: signal.Signals) -> None:
    for pid in processes:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
