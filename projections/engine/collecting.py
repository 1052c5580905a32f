"""Python's garbage collector stands still while very many objects are made that are all needed."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Collecting:
    """It stands still while any thread asks for it."""

    def __init__(self) -> None:
        self._lock, self._asked, self._before = threading.Lock(), 0, False

    @property
    def goes_on(self) -> bool:
        return gc.isenabled()

    def stop(self) -> None:
        with self._lock:
            if not self._asked:
                self._before = gc.isenabled()
                gc.disable()
            self._asked += 1

    def go_on(self) -> None:
        with self._lock:
            self._asked -= 1
            if not self._asked and self._before:
                gc.enable()


COLLECTING = Collecting()
SELDOM = 50
"""After so many batches in a row it is looked for garbage all the same: others may make some meanwhile."""


@contextmanager
def nothing_collected() -> Iterator[None]:
    """A large batch makes very many objects, all of which are needed, and none of which refers to itself: looking for garbage among them
    takes longer than all the rest."""
    COLLECTING.stop()
    try:
        yield
    finally:
        COLLECTING.go_on()


class Hurry:
    """Of one thread that gets many large batches in a row. The next one is there already while one is dealt with: were the collector let on in
    between, it would look through it each time. `begin` with each, `end` when there are no more."""

    def __init__(self) -> None:
        self._batches = 0

    def begin(self) -> None:
        if not self._batches:
            COLLECTING.stop()
        self._batches += 1
        if self._batches % SELDOM == 0:
            gc.collect(0)

    def end(self) -> None:
        if self._batches:
            self._batches = 0
            COLLECTING.go_on()


@contextmanager
def hurrying() -> Iterator[Hurry]:
    hurry = Hurry()
    try:
        yield hurry
    finally:
        hurry.end()
