"""The end of a server: a fast shutdown, until no process of it is left."""

import os
import signal
from contextlib import suppress

from adapters.embedded_postgres.deadline import Deadline
from adapters.embedded_postgres.errors import EmbeddedPostgresError
from adapters.embedded_postgres.layout import Layout
from adapters.embedded_postgres.locks import FileLock
from adapters.embedded_postgres.lost import Lost
from adapters.embedded_postgres.presence import look
from adapters.embedded_postgres.running import empty


def shut_down(layout: Layout, deadline: Deadline) -> None:
    """Nothing when none runs. The caller holds the gate."""
    lock, lost, asked = FileLock(layout.server_lock), Lost(), set()
    try:
        while not empty(lock, there := look(layout)):
            if there.postmaster and there.postmaster not in asked:
                asked.add(there.postmaster)
                with suppress(ProcessLookupError):
                    os.kill(there.postmaster, signal.SIGINT)
            lost.end(there)
            if deadline.passed():
                advice = f"end it at once with kill -QUIT {there.postmaster}" if there.postmaster else f"end who holds {lock.path} (fuser)"
                raise EmbeddedPostgresError(f"PostgreSQL on {layout.data} did not stop within {deadline.seconds:g} s: {advice}; see {layout.log}")
            deadline.pause()
    finally:
        lock.close()
