"""Tasks that are to end. A cancellation can be lost: where the result came in the same moment, `asyncio.wait_for` of Python 3.11 returns that
instead (https://github.com/python/cpython/issues/86296), and the pools of psycopg wait by it. What goes on then would go on for ever."""

import asyncio
from collections.abc import Collection
from typing import Any

AGAIN = 15.0
"""Seconds until it is said again: longer than anything takes that has heard it."""


def must_go_on() -> None:
    """Raises CancelledError in a task that was cancelled and has not noticed."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def ended(tasks: Collection["asyncio.Future[Any]"]) -> None:
    """Cancel them and wait until they are over, whatever came of them."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN)
    await asyncio.gather(*tasks, return_exceptions=True)
