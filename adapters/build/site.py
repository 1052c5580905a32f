"""A job at work: its settings, its workspace, and the commands it runs there."""

import asyncio
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from adapters.build.commands import Commands
from adapters.build.workspace import Workspace
from application.ports.executor import Receipt
from application.ports.logs import TaskLog
from domain.task.values import Job

T = TypeVar("T")


class Failed(Exception):
    """The job cannot end well. The message says why."""


@dataclass(frozen=True)
class Site:
    receipt: Receipt
    workspace: Workspace
    commands: Commands
    log: TaskLog
    path: str
    """`PATH` for the owner's commands."""

    @property
    def job(self) -> Job:
        return self.receipt.job

    def setting(self, key: str) -> object:
        """The task's own setting, else the application's."""
        return self.job.config.get(key, self.job.application_config.get(key))

    def text(self, key: str) -> str:
        value = self.setting(key)
        if not isinstance(value, str | None):
            raise Failed(f"{key} must be a text")
        return (value or "").strip()

    def context(self) -> Path:
        """The folder of the checkout that the application lives in."""
        name = self.text("context") or "."
        source = self.workspace.source.resolve()
        folder = (source / name).resolve()
        if not folder.is_relative_to(source):
            raise Failed(f"context {name} leads out of the workspace")
        if not folder.is_dir():
            raise Failed(f"context {name} is no folder of the repository")
        return folder

    async def run(self, key: str, commit: str) -> bool:
        """Run the command that a setting has, if it has one. Raises Failed when it ends badly."""
        line = self.text(key)
        if not line:
            return False
        context = self.context()
        self.log.line(f"$ {line}")
        code = await self.commands.run(["/bin/sh", "-c", line], context, self.environment(commit), self.log.line)
        if code:
            raise Failed(f"{key} ended with exit code {code}{_signal(code)}")
        return True

    def environment(self, commit: str) -> dict[str, str]:
        """All that a command gets: nothing else of the server's environment."""
        job = self.job
        return {
            "PATH": self.path, "HOME": str(self.workspace.home), "TMPDIR": str(self.workspace.tmp), "LANG": "C.UTF-8", "CI": "true",
            "TIANGONG_VERSION": version(job, commit), "TIANGONG_COMMIT": commit, "TIANGONG_ENVIRONMENT": job.target.name,
            "TIANGONG_APPLICATION": job.application_name, "TIANGONG_RELEASE": job.release, "TIANGONG_DEPLOYMENT": job.deployment_id,
            "TIANGONG_REPOSITORY": job.source.repository,
        }


def version(job: Job, commit: str) -> str:
    return job.source.git_tag or commit[:12]


def _signal(code: int) -> str:
    try:
        return f" ({signal.Signals(code - 128).name})"
    except ValueError:
        return ""


async def in_thread(work: Callable[[Callable[[], bool]], T]) -> T:
    """Run file work beside the event loop. It gets a function that tells whether it should stop; a cancelled call waits until it has."""
    stop = threading.Event()
    running = asyncio.get_running_loop().run_in_executor(None, work, stop.is_set)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait({running})
        running.exception()  # nobody wants it any more
        raise
