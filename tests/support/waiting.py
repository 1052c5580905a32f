"""Waiting in tests: for a condition, with a deadline, never for a length of time."""

import asyncio
import threading
import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Look at a condition again and again until it holds. Raises AssertionError when it does not in time."""
    pause, deadline = threading.Event(), time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"did not come true within {seconds} s"
        pause.wait(0.005)


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """The same on the event loop."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"did not come true within {seconds} s"
        await asyncio.sleep(0.005)
