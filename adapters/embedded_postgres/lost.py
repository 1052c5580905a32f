"""Processes that nobody can reach any more: children that outlived their postmaster, or a server whose socket was deleted.

Idle children notice by themselves, one in a long computation does not; the next server may not start beside it.
"""

import os
import signal
import time
from contextlib import suppress

from adapters.embedded_postgres.presence import Presence
from adapters.embedded_postgres.sockets import NAME

GRACE = 1.0  # seconds to go by themselves, and between two signals
HARDER = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)  # end what you do; leave at once; (not asked)


class Lost:
    """Watches one wait: call `end` at every look. Each signal is sent once."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._sent = 0

    def end(self, there: Presence) -> None:
        if not there.processes or reachable(there):
            self._since, self._sent = None, 0
            return
        if self._since is None:
            self._since = time.monotonic()
        if self._sent < len(HARDER) and time.monotonic() - self._since > GRACE * (self._sent + 1):
            for pid in there.processes:
                with suppress(ProcessLookupError):
                    os.kill(pid, HARDER[self._sent])
            self._sent += 1


def reachable(there: Presence) -> bool:
    """Its postmaster lives, and has a socket or is on the way to one."""
    return there.postmaster is not None and (there.socket is None or (there.socket / NAME).exists())
