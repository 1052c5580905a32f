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


@contextmanager
def nothing_collected() -> Iterator[None]:
    """A large batch makes very many objects, all of which are needed, and none of which refers to itself: looking for garbage among them
    takes longer than all the rest."""
    COLLECTING.stop()
    try:
        yield
    finally:
        COLLECTING.go_on()
