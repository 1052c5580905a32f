"""The one writer of a process: what has queued while the last commit ran is the next commit.

Nobody can tell from a broken connection whether the commit had happened. The writer sends the same batch again until it hears an
outcome: `log.append` waits for the lock that a dying twin still holds, and the commands' ids tell it what the twin has stored.
Each caller has its own deadline: a command for which nobody waits any more is left out of the next try, the others go on.

The first event loop that appends carries the batches itself as long as all is well (see ear.py). The thread here connects, serves callers that
have no event loop, and takes over whatever does not go well.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

import psycopg

from adapters.event_store.batch import arguments, outcomes
from adapters.event_store.command import Command, Outcome, Unstorable
from adapters.event_store.desk import Desk, Driver
from adapters.event_store.ear import Ear
from adapters.event_store.line import Line
from adapters.event_store.settle import deliver
from application.ports.log import LogUnavailable

PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Seconds between tries; the last one repeats."""
TICK = 0.05
"""Seconds after which the thread looks whether the event loop's batch gets on."""

PASSING = ("08", "40", "53", "57", "58", "55P03", "25006")
"""Connections, deadlocks, resources, shutdowns, the system; a lock that was not to be had, a server that only reads now."""

logger = logging.getLogger(__name__)


class Overloaded(LogUnavailable):
    """More commands wait than the writer may keep; this one was not stored. Try again later, under the same id."""


class Writer:
    """`connect` opens a connection of its own (see connections.py); at most `limit` commands wait."""

    def __init__(self, connect: Callable[[], psycopg.Connection], limit: int = 4096) -> None:
        self._connect, self._limit = connect, limit
        self._desk = Desk()
        self._wake = threading.Event()
        self._asleep = self._closed = False
        self._seen, self._since = 0, 0.0
        """The number of the last batch that the thread saw, and when it first saw that."""
        self.batches = self.commands = self.resent = self.rescued = 0
        """Counters: commits, commands in them, batches sent again, commands whose first try was found stored."""
        self.trouble = ""
        """The last error of the connection; empty while all is well."""
        self._ear = Ear(self._desk, self._wake.set, self._watch, self._count)
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    @property
    def queued(self) -> int:
        return len(self._desk.queue)

    def submit(self, command: Command) -> None:
        """Queue a command; its future gets the outcome. In the thread of the future's event loop, if it has one.
        Raises Overloaded, or LogUnavailable after `close`."""
        if self._closed:
            raise LogUnavailable("the log is closed")
        if len(self._desk.queue) >= self._limit:
            raise Overloaded(f"{self._limit} commands are waiting for the log")
        self._desk.queue.append(command)
        if command.loop is None or not self._ear.ask(command.loop):
            self._wake.set()

    def close(self, timeout: float = 10.0) -> None:
        """Take no more commands, store those that wait, end. After `timeout` seconds leave the rest to their callers' deadlines."""
        self._closed = True
        self._wake.set()
        self._thread.join(timeout)
        self._ear.close()

    def _run(self) -> None:
        while True:
            if self._turn(self._awaited()):
                self._work()
            elif self._closed and self._idle():
                self._disconnect()
                return

    def _idle(self) -> bool:
        with self._desk.lock:
            return self._desk.driver is None and not self._desk.queue

    def _awaited(self) -> bool:
        """Wait until somebody calls (True), or a tick while the event loop is at work."""
        desk = self._desk
        self._asleep = True  # whoever begins after this calls
        idle = desk.driver is None and not desk.queue and desk.number == self._seen and not self._closed
        self._asleep = idle
        called = self._wake.wait(None if idle else TICK)
        self._asleep = False
        self._wake.clear()  # before the queue is looked at
        return called

    def _watch(self) -> None:
        if self._asleep:
            self._wake.set()

    def _turn(self, called: bool) -> bool:
        """Is there a batch for the thread? What the event loop has and does not get on with, and what nobody takes."""
        desk = self._desk
        with desk.lock:
            if desk.number != self._seen:
                self._seen, self._since = desk.number, time.monotonic()
            stuck = time.monotonic() - self._since >= TICK  # by the clock: others may call all the time
            if desk.driver is Driver.LOOP and stuck:
                desk.hand_over()
            elif desk.driver is None and (called or stuck):
                desk.begin(Driver.THREAD)
            return desk.driver is Driver.THREAD

    def _work(self) -> None:
        desk = self._desk
        try:
            self._commit(desk.batch, desk.error, desk.sent)
        except Exception as error:  # a mistake of ours: its callers hear of it, the others keep their writer
            logger.exception("the log's writer failed on a batch")
            self._disconnect()
            deliver(desk.batch, [error] * len(desk.batch))
        with desk.lock:
            desk.end()
        if desk.queue and not self._ear.call():
            self._wake.set()

    def _commit(self, commands: Sequence[Command], error: Exception | None = None, sent: bool = False) -> None:
        """`sent`: it is under way, or `error` has come of it."""
        attempt = 0
        while commands:
            try:
                results = self._exchange(commands, error, sent)
            except psycopg.Error as failure:
                if not may_pass(failure):
                    self._refuse(commands, failure)
                    return
                self._try_again_after(failure, attempt)
            else:
                self._count(commands, results, attempt)
                deliver(commands, results)
                return
            attempt, error, sent = attempt + 1, None, False
            commands = [command for command in commands if command.wanted]
        self.trouble = ""  # nobody waits for it any more: the next command finds out whether it has passed

    def _exchange(self, commands: Sequence[Command], error: Exception | None, sent: bool) -> list[Outcome]:
        if error is not None:
            raise error
        line = self._desk.line or self._connected()
        if not sent:
            line.send(arguments(commands))
        return outcomes(commands, line.wait())

    def _connected(self) -> Line:
        conn = self._connect()
        try:
            self._desk.line = Line(conn)
        except psycopg.Error:
            conn.close()
            raise
        return self._desk.line

    def _refuse(self, commands: Sequence[Command], error: psycopg.Error) -> None:
        """What the database will not take must not take the others with it: each command alone."""
        if len(commands) > 1:
            for command in commands:
                self._commit([command] if command.wanted else [])
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

    def _count(self, commands: Sequence[Command], results: Sequence[Outcome], attempt: int = 0) -> None:
        """By the thread and by the event loop, never at the same time: whoever drives."""
        self.trouble = ""
        self.batches += 1
        self.commands += len(commands)
        if attempt:
            self.rescued += sum(getattr(result, "repeated", False) for result in results)

    def _disconnect(self) -> None:
        with self._desk.lock:
            line, self._desk.line = self._desk.line, None
        if line is not None:
            line.close()


def may_pass(error: psycopg.Error) -> bool:
    """The outcome is not known, or a later try may have another one. Otherwise the database has said no, and stored nothing."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate[:2] in PASSING or error.sqlstate in PASSING
