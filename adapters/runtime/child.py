"""A process of our own beside this one: started before it is needed, given its orders, listened to, and started again when it has died.

Its standard input tells it that we live: the orders come there, and the end of it is the order to end. The kernel closes it however we end, so
nobody is left behind. What it says to us comes on its standard output, a line at a time; what it says to people goes where our own words go.
"""

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

logger = logging.getLogger(__name__)
LONGEST = 10.0
"""Seconds that it gets to end by itself."""


class ChildDied(Exception):
    """It has ended, and nobody had told it to."""


class Child:
    """`module` is run as a program by our interpreter, with our modules. `arguments` are there to be seen in a list of processes: no secrets."""

    def __init__(self, module: str, *arguments: str, environment: Mapping[str, str] = os.environ) -> None:
        self._command = (sys.executable, "-P", "-m", module, *arguments)
        self._environment = {**environment, "PYTHONPATH": os.pathsep.join(place or os.getcwd() for place in sys.path)}
        self._process: subprocess.Popen[bytes] | None = self._start()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def _start(self) -> subprocess.Popen[bytes]:
        """In a session of its own: Ctrl-C in the terminal is for us, and we tell it when it is to end."""
        return subprocess.Popen(self._command, 0, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)

    async def run(self, orders: bytes, heard: Callable[[bytes], None]) -> None:
        """Give it its orders (a line), and hand over what it says, until it ends. Raises ChildDied then: run it again. Ends it when cancelled."""
        process = self._process = self._process or self._start()
        try:
            await asyncio.to_thread(give, process, orders)
            await listen(process, heard)
        finally:
            await asyncio.to_thread(self.end)
        raise ChildDied(f"process {process.pid} ended {how(process.returncode)}")

    def end(self) -> None:
        """Tell it to end, and wait for that. Nothing to do where it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        with process:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(LONGEST)
            except subprocess.TimeoutExpired:
                logger.error("process %d does not end and is killed", process.pid)
                process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end()


def give(process: subprocess.Popen[bytes], orders: bytes) -> None:
    """Raises ChildDied where there is nobody to take them."""
    assert process.stdin is not None
    try:
        process.stdin.write(orders + b"\n")
    except BrokenPipeError:
        raise ChildDied(f"process {process.pid} ended before it had its orders") from None


async def listen(process: subprocess.Popen[bytes], heard: Callable[[bytes], None]) -> None:
    """Until it has nothing more to say, which is when it has ended."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), process.stdout)
    try:
        while line := await reader.readline():
            heard(line)
    finally:
        transport.close()


def how(code: int | None) -> str:
    return f"by {signal.Signals(-code).name}" if code is not None and code < 0 else f"with {code}"
