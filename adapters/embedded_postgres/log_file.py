"""The server's log: one file that PostgreSQL appends to, kept below a bound by its owner."""

import os
import threading
from contextlib import suppress
from pathlib import Path

from adapters.embedded_postgres.own_files import open_own

BOUND = 4 << 20  # bytes; twice this on disk at most, give or take what one look misses
WINDOW = 256 << 10  # bytes that are looked through for the last words
KNOCK = "FATAL:  the database system is "  # what each connection leaves that comes too early
LOOK = 30.0  # seconds between two looks


class LogFile:
    def __init__(self, path: Path, bound: int = BOUND) -> None:
        self._path = path
        self._older = path.with_name(path.name + ".1")
        self._bound = bound

    def open(self) -> int:
        """A descriptor to append to."""
        return open_own(self._path, os.O_WRONLY | os.O_APPEND)

    def size(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def tail(self, since: int = 0, limit: int = 3000) -> str:
        """The last words, at most `limit` characters, and none from before the position `since`. Our own knocking is left out."""
        size = self.size()
        if not size:
            return ""
        with self._path.open("rb") as file:
            file.seek(max(since if since <= size else 0, size - WINDOW))
            lines = file.read(WINDOW).decode(errors="replace").splitlines()
        return "\n".join(line for line in lines if KNOCK not in line)[-limit:].strip()

    def trim(self) -> None:
        """Above the bound: move what is there aside and go on with an empty file. PostgreSQL appends, so it does not notice."""
        if self.size() <= self._bound:
            return
        with open(open_own(self._path, os.O_RDWR), "rb+") as log:
            self._keep(log.read(2 * self._bound))
            log.truncate(0)

    def _keep(self, words: bytes) -> None:
        self._older.unlink(missing_ok=True)
        with suppress(OSError), open(open_own(self._older, os.O_WRONLY | os.O_EXCL), "wb") as older:
            older.write(words)  # a full disk: the bound matters more than old words


class LogKeeper:
    """Trims the log now and then, in a thread of its own, while the owner lives."""

    def __init__(self, log: LogFile, every: float = LOOK) -> None:
        self._log = log
        self._every = every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="embedded-postgres-log", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(self._every):
            with suppress(OSError):  # a full or vanished disk: the next look tries again
                self._log.trim()

    def stop(self) -> None:
        self._over.set()
        self._thread.join(timeout=5)
