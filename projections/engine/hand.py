"""A second hand for catching up: a process that brings prepared pages into the tables, so that no thread of ours that prepares stands in its way.

Whatever becomes of it, nothing is lost: what it has not said to be done is done here, and where it was done all the same, the position tells.
"""

import os
import pickle
import select
import subprocess
import sys
from dataclasses import dataclass
from threading import Timer

from projections.engine.steps import Step

DONE, READY, NOT_DONE = b"+", b"!", b"-"
PATIENCE = 120.0
"""Seconds until it is killed over one page. Each of its statements has less."""
LONGEST = 10.0
"""Seconds that it gets to end by itself."""
PROGRAM = "projections.engine.hand_program"


@dataclass(frozen=True, slots=True)
class Parcel:
    """What the facts from `first` to `last` mean. It is for tables that stand before the first, and not at the log's beginning."""

    first: int
    last: int
    steps: list[Step]


class Hand:
    """Its input is the order to live: when that ends, as it does however we end, it ends. It belongs to one thread."""

    def __init__(self, conninfo: str) -> None:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("TIANGONG_")}  # settings, and keys among them
        environment = {**ours, "PYTHONPATH": os.pathsep.join(place or os.getcwd() for place in sys.path)}
        self._process = subprocess.Popen((sys.executable, "-P", "-m", PROGRAM), env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         start_new_session=True)  # Ctrl-C in the terminal is for us
        self._ready = False
        self._say(conninfo)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ready(self) -> bool:
        """It has come to its table; or it will not."""
        assert self._process.stdout is not None
        if not self._ready and select.select([self._process.stdout], [], [], 0)[0]:
            self._ready = True
            self._answer()
        return self._ready

    def write(self, parcel: Parcel) -> bool | None:
        """True: it is in the tables. False: it is not, and whoever does it will see why. None: that is not known, and this hand is no more."""
        watch = Timer(PATIENCE, self._process.kill)
        watch.start()
        try:
            answer = self._answer() if self._say(parcel) else b""
        finally:
            watch.cancel()
        return answer == DONE if answer else None

    def close(self) -> None:
        with self._process as process:
            assert process.stdin is not None
            try:
                process.stdin.close()
                process.wait(LONGEST)
            except BrokenPipeError:  # it has gone before
                process.wait(LONGEST)
            except subprocess.TimeoutExpired:
                process.kill()

    def kill(self) -> None:
        """In any thread: let who waits for it wait no longer."""
        self._process.kill()

    def _say(self, what: object) -> bool:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(pickle.dumps(what, pickle.HIGHEST_PROTOCOL))
            self._process.stdin.flush()
        except BrokenPipeError:
            return False
        return True

    def _answer(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.read(1)
