"""`make demo`: the main job, told as it happens. Exits 0 when all of it went as promised; `DEMO_KEEP=1` keeps it serving until Ctrl-C."""

import asyncio
import os
import signal
import subprocess
import sys

from api.demo.acts import Acts
from api.demo.client import Unexpected
from api.demo.hosts import HostFailed
from api.demo.server import ServerFailed
from api.demo.stage import Stage
from api.demo.story import Story

WHOLE = 600.0
"""Seconds for everything, first start of the database included."""
STOPPED = 130
FAILURES = (Unexpected, ServerFailed, HostFailed, TimeoutError, RuntimeError, OSError, subprocess.SubprocessError, ExceptionGroup)


async def main() -> int:
    story = Story()
    stop_once(asyncio.current_task())
    story.title("Tiangong Deploy: the main job, on a PostgreSQL, a git repository and an SSH host of its own")
    try:
        async with Stage() as stage:
            return await show(stage, story)
    except FAILURES as error:
        story.bad(f"\nThe demo failed: {reason(error)}")
        return 1
    except asyncio.CancelledError:
        return STOPPED


async def show(stage: Stage, story: Story) -> int:
    """Before the stage is cleared: the server's words are still there."""
    try:
        async with asyncio.timeout(WHOLE):
            await Acts(stage, story).play()
    except FAILURES as error:
        story.bad(f"\nThe demo failed: {reason(error)}")
        story.say(f"\nthe server's last words:\n{stage.server.tail() or '(none)'}")
        return 1
    if os.environ.get("DEMO_KEEP") == "1":
        await keep(stage, story)
    return 0


async def keep(stage: Stage, story: Story) -> None:
    story.say(f"\nIt keeps serving (DEMO_KEEP=1): Ctrl-C ends it and removes everything.\nadmin's token: {stage.admin_token}")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        story.say("ending what was started")


def stop_once(task: "asyncio.Task[int] | None") -> None:
    """The first signal cancels the play; what was started is then ended in peace, however often somebody asks."""
    loop, asked = asyncio.get_running_loop(), False

    def stop() -> None:
        nonlocal asked
        if not asked and task is not None:
            asked = True
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)


def reason(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(map(reason, error.exceptions))
    return str(error) or type(error).__name__


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
