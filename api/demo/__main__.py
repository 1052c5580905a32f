"""`make demo`: the main job, told as it happens. Exits 0 when all of it went as promised; `DEMO_KEEP=1` keeps it serving until Ctrl-C."""

import asyncio
import os
import signal
import sys

from api.demo.acts import Acts
from api.demo.client import Unexpected
from api.demo.hosts import HostFailed
from api.demo.server import ServerFailed
from api.demo.stage import Stage
from api.demo.story import Story

WHOLE = 600.0
"""Seconds for everything, first start of the database included."""


async def main() -> int:
    story, ours = Story(), asyncio.current_task()
    assert ours is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ours.cancel)
    story.title("Tiangong Deploy: the main job, on a PostgreSQL, a git repository and an SSH host of its own")
    async with Stage() as stage:
        try:
            async with asyncio.timeout(WHOLE):
                await Acts(stage, story).play()
            if os.environ.get("DEMO_KEEP") == "1":
                story.say(f"\nIt keeps serving (DEMO_KEEP=1): Ctrl-C ends it. The admin's token: {stage.admin_token}")
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            story.say("stopped on request: ending what was started")
        except (Unexpected, ServerFailed, HostFailed, TimeoutError, RuntimeError, OSError, ExceptionGroup) as error:
            story.bad(f"\nThe demo failed: {reason(error)}")
            story.say(f"the server's last words:\n{stage.server.tail()}")
            return 1
    return 0


def reason(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(map(reason, error.exceptions))
    return str(error) or type(error).__name__


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
