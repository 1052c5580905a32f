"""The event loop's part in the writer: where nothing is wrong it sends the batches itself and hears their answers.

A thread in between would cost two wake-ups an append, which take as long as the commit; and it would get Python's lock only when the loop has
run through everybody that the last batch has woken. What takes time (connecting, sending again, a full socket) is left to the writer's thread,
and it takes a batch over whose loop does not come back.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence

from adapters.event_store.batch import arguments, outcomes
from adapters.event_store.command import Command, Outcome
from adapters.event_store.desk import Desk, Driver
from adapters.event_store.line import Line
from adapters.event_store.settle import deliver


class Ear:
    """Of one event loop at a time; all but `call` and `close` belongs to its thread. `wake` calls the writer's thread, `watch` asks it to look
    now and then; `counted` is told of each batch."""

    def __init__(self, desk: Desk, wake: Callable[[], None], watch: Callable[[], None],
                 counted: Callable[[Sequence[Command], Sequence[Outcome]], None]) -> None:
        self._desk, self._wake, self._watch, self._counted = desk, wake, watch, counted
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked = False
        self._heard: Line | None = None
        self._fd = -1

    def ask(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Somebody of this loop, which is running, has queued a command. False: it is the thread's."""
        if loop is not self._loop and not self._adopted(loop):
            return False
        if self._asked or self._desk.driver is not None:
            return True
        if self._desk.line is None:
            return False
        self._asked = True
        loop.call_soon(self._begin)  # after all who run in this turn of the loop
        return True

    def _adopted(self, loop: asyncio.AbstractEventLoop) -> bool:
        with self._desk.lock:  # two loops may come at once
            if self._loop is not None and not self._loop.is_closed():
                return False
            self._drop()
            self._loop, self._asked = loop, False
        return True

    def call(self) -> bool:
        """From the thread: there is something in the queue. False: no loop is there to take it."""
        try:
            if self._loop is None:
                return False
            self._loop.call_soon_threadsafe(self._begin)
        except RuntimeError:  # it is closed
            return False
        return True

    def close(self) -> None:
        """From any thread: hear no more."""
        loop = self._loop
        if loop is None or loop.is_closed() or running() is loop:
            self._drop()
        else:
            with contextlib.suppress(RuntimeError):  # closed in this moment: what is left is a number of a closed socket
                loop.call_soon_threadsafe(self._drop)

    def _begin(self) -> None:
        self._asked = False
        desk = self._desk
        with desk.lock:
            if desk.line is None:
                self._wake()
            elif desk.begin(Driver.LOOP):
                try:
                    self._hear(desk.line)
                    desk.sent = True  # or a part of it
                    if not desk.line.send(arguments(desk.batch)):
                        self._leave(None)
                except Exception as error:  # noqa: BLE001  # the thread knows what to do about each
                    self._leave(error)
                self._watch()

    def _leave(self, error: Exception | None) -> None:
        self._desk.hand_over(error)
        self._wake()

    def _ready(self) -> None:
        """There is something to read. The next batch goes first, the callers of this one run while the database works on it."""
        desk = self._desk
        with desk.lock:
            if desk.driver is not Driver.LOOP or desk.line is not self._heard or desk.line is None:
                self._drop()  # it has ended, or the thread listens
                return
            try:
                answer = desk.line.answer()
                if answer is None:
                    return
                batch, results = desk.batch, outcomes(desk.batch, answer)
            except Exception as error:  # noqa: BLE001
                self._leave(error)
                return
            self._counted(batch, results)
            desk.end()
        if desk.queue:
            self._begin()
        deliver(batch, results, self._loop)

    def _hear(self, line: Line) -> None:
        """By a number of our own for the socket: the thread may close the line at any time, and its number would soon be another socket's."""
        if self._heard is line:
            return
        self._drop()
        assert self._loop is not None  # who begins has one
        self._heard, self._fd = line, os.dup(line.fileno())
        self._loop.add_reader(self._fd, self._ready)

    def _drop(self) -> None:
        if self._heard is not None:
            self._heard = None
            if self._loop is not None and not self._loop.is_closed():
                self._loop.remove_reader(self._fd)
            os.close(self._fd)


def running() -> asyncio.AbstractEventLoop | None:
    """The event loop of this thread."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
