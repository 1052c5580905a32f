"""File locks that the kernel gives back when the last process that holds them is gone, however it went.

PostgreSQL inherits the server lock, and so do all its children. The lock is free exactly when none of them lives: no pid can
lie about that, neither a reused one nor a zombie's nor one of another container.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.embedded_postgres.deadline import Deadline
from adapters.embedded_postgres.errors import EmbeddedPostgresError
from adapters.embedded_postgres.own_files import open_own


class FileLock:
    """One open lock file. Closing it releases our hold, not the hold of a child that inherited `fd`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = open_own(path, os.O_RDWR)

    def try_alone(self) -> bool:
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        return self._try(fcntl.LOCK_SH)

    def _try(self, how: int) -> bool:
        try:
            fcntl.flock(self.fd, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


@contextmanager
def alone(path: Path, deadline: Deadline) -> Iterator[FileLock]:
    """Hold the lock for the block, or raise when the deadline passes first."""
    lock = FileLock(path)
    try:
        while not lock.try_alone():
            if deadline.passed():
                raise EmbeddedPostgresError(
                    f"another process has been starting or stopping the database for {deadline.seconds:g} s: see which (fuser {path})"
                )
            deadline.pause()
        yield lock
    finally:
        lock.close()
