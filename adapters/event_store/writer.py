"""The one writer of a process: what has queued while the last commit ran is the next commit.

Nobody can tell from a broken connection whether the commit had happened. The writer sends the same batch again until it hears an
outcome: `log.append` waits for the lock that a dying twin still holds, and the commands' ids tell it what the twin has stored.
Each caller has its own deadline: a command for which nobody waits any more is left out of the next try, the others go on.
"""

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import psycopg

from adapters.event_store import arrays
from adapters.event_store.batch import APPEND, arguments, outcomes
from adapters.event_store.command import Command, Outcome, Unstorable
from adapters.event_store.settle import deliver
from application.ports.log import LogUnavailable

MOST_COMMANDS, MOST_EVENTS = 512, 5000
PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Seconds between tries; the last one repeats."""

PASSING = ("08", "40", "53", "57", "58", "55P03", "25006")
"""Connections, deadlocks, resources, shutdowns, the system; a lock that was not to be had, a server that only reads now."""

logger = logging.getLogger(__name__)


class Overloaded(LogUnavailable):
    """More commands wait than the writer may keep; this one was not stored. Try again later, under the same id."""


class Writer:
    """`connect` opens a connection of its own (see connections.py); at most `limit` commands wait."""

    def __init__(self, connect: Callable[[], psycopg.Connection], limit: int = 4096) -> None:
        self._connect, self._limit = connect, limit
        self._conn: psycopg.Connection | None = None
        self._queue: deque[Command] = deque()
        self._wake = threading.Event()
        self._closed = False
        self.batches = self.commands = self.resent = self.rescued = 0
        """Counters: commits, commands in them, batches sent again, commands whose first try was found stored."""
        self.trouble = ""
        """The last error of the connection; empty while all is well."""
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    @property
    def queued(self) -> int:
        return len(self._queue)

    def submit(self, command: Command) -> None:
        """Queue a command; its future gets the outcome. Raises Overloaded, or LogUnavailable after `close`."""
        if self._closed:
            raise LogUnavailable("the log is closed")
        if len(self._queue) >= self._limit:
            raise Overloaded(f"{self._limit} commands are waiting for the log")
        self._queue.append(command)
        if not self._wake.is_set():  # it is cleared before the queue is looked at
            self._wake.set()

    def close(self, timeout: float = 10.0) -> None:
        """Take no more commands, store those that wait, end. After `timeout` seconds leave the rest to their callers' deadlines."""
        self._closed = True
        self._wake.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while self._queue or not self._closed:
            if not self._queue:
                self._wake.wait()
            self._wake.clear()
            commands = self._take()
            try:
                self._commit(commands)
            except Exception as error:  # a mistake of ours: its callers hear of it, the others keep their writer
                logger.exception("the log's writer failed on a batch")
                deliver(commands, [error] * len(commands))
        self._disconnect()

    def _take(self) -> list[Command]:
        """Commands that do not touch each other; one that does waits for the next batch, where it meets the truth in the tables."""
        taken: list[Command] = []
        waiting: list[Command] = []
        written: set[object] = set()
        seen: set[object] = set()
        events = 0
        while self._queue and len(taken) < MOST_COMMANDS and len(waiting) < MOST_COMMANDS and events < MOST_EVENTS:
            command = self._queue.popleft()
            if written.isdisjoint(command.keys) and (not seen or seen.isdisjoint(command.keys)) and written.isdisjoint(command.seen):
                written.update(command.keys)
                seen.update(command.seen)
                taken.append(command)
                events += len(command.rows)
            else:
                waiting.append(command)
        self._queue.extendleft(reversed(waiting))
        return taken

    def _commit(self, commands: Sequence[Command]) -> None:
        for attempt in itertools.count():
            commands = [command for command in commands if command.wanted]
            if not commands:
                self.trouble = ""  # nobody waits for it any more: the next command finds out whether it has passed
                return
            try:
                results = self._send(commands)
            except psycopg.Error as error:
                if not may_pass(error):
                    self._refuse(commands, error)
                    return
                self._try_again_after(error, attempt)
            else:
                self._count(commands, results, attempt)
                deliver(commands, results)
                return

    def _send(self, commands: Sequence[Command]) -> list[Outcome]:
        if self._conn is None:
            self._conn = self._connect()
            arrays.register(self._conn)
        answer = self._conn.execute(APPEND, arguments(commands), prepare=True, binary=True).fetchone()
        assert answer is not None  # the function has one result
        return outcomes(commands, answer)

    def _refuse(self, commands: Sequence[Command], error: psycopg.Error) -> None:
        """What the database will not take must not take the others with it: each command alone."""
        if len(commands) > 1:
            for command in commands:
                self._commit([command])
        elif (error.sqlstate or "")[:2] in ("22", "54"):  # its content, its size
            deliver(commands, [Unstorable(f"the database cannot keep this: {error}")])
        else:  # a missing table, a missing right: the fault is ours
            deliver(commands, [error])

    def _try_again_after(self, error: psycopg.Error, attempt: int) -> None:
        self.trouble = str(error)
        self.resent += 1
        logger.warning("the log's outcome is not known, sending the batch again: %s", error)
        self._disconnect()
        time.sleep(PAUSES[min(attempt, len(PAUSES) - 1)])

    def _count(self, commands: Sequence[Command], results: Sequence[Outcome], attempt: int) -> None:
        self.trouble = ""
        self.batches += 1
        self.commands += len(commands)
        if attempt:
            self.rescued += sum(getattr(result, "repeated", False) for result in results)

    def _disconnect(self) -> None:
        if self._conn is not None:
            self._conn.close()
            self._conn = None


def may_pass(error: psycopg.Error) -> bool:
    """The outcome is not known, or a later try may have another one. Otherwise the database has said no, and stored nothing."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate[:2] in PASSING or error.sqlstate in PASSING
