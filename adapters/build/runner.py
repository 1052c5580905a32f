"""The executor of builds. Builds run only inside this process: their supervisors end them when it is gone, and nothing outside has
changed then, so that an unknown key is `absent` and may be applied again."""

import asyncio
import errno
from dataclasses import dataclass, field
from pathlib import Path

from adapters.build.addresses import AddressRefused
from adapters.build.checkout import GitFailed
from adapters.build.commands import PATIENCE, Commands, Survived, default_path
from adapters.build.coverage import NoCoverage
from adapters.build.jobs import Jobs
from adapters.build.package import NotPackable
from adapters.build.relay import Relay
from adapters.build.site import Failed, Site, in_thread
from adapters.build.workspace import Workspaces
from application.ports.artifacts import ArtifactStore, StorageFailed
from application.ports.executor import Aborted, Outcome, Receipt, Terminal
from application.ports.logs import TaskLog

TYPES = ("build", "test", "custom", "prepare")
EXPECTED = (Failed, GitFailed, AddressRefused, NotPackable, NoCoverage, StorageFailed, Survived)
DISK = {errno.ENOSPC: "no space left on the disk", errno.EDQUOT: "the disk quota is used up", errno.EROFS: "the disk is read-only"}
REMEMBERED = 200
"""Outcomes that are kept, for callers that ask again."""


@dataclass(frozen=True)
class BuildSettings:
    git_file_roots: tuple[Path, ...] = ()
    keep_workspaces: int = 10
    """Deployments whose workspaces stay on the disk."""
    grace: float = 5.0
    """Seconds that a command gets to end when it is stopped."""
    path: str = field(default_factory=default_path)
    """`PATH` for the owner's commands."""


@dataclass
class Run:
    log: Relay
    task: asyncio.Task[Outcome]
    survived: str = ""
    """Why it is not known to have stopped."""


class BuildRunner:
    """An `Executor` for the job types `build`, `test`, `custom` and `prepare`. Results: `{"artifact", "git_commit"}` of a build,
    `{"coverage"}` (percent) of a test that has a report, else `{}`."""

    def __init__(self, workspaces: Path, artifacts: ArtifactStore, settings: BuildSettings | None = None) -> None:
        self._settings = settings = settings or BuildSettings()
        self._workspaces = Workspaces(workspaces, max(1, settings.keep_workspaces))
        self._jobs = Jobs(artifacts, settings.git_file_roots, workspaces.absolute() / "known_hosts")
        self._runs: dict[str, Run] = {}

    async def apply(self, receipt: Receipt, log: TaskLog) -> Outcome:
        if receipt.job.type not in TYPES:
            raise Terminal(f"tasks of type {receipt.job.type} are not built")
        run = self._runs.get(receipt.key) or self._begin(receipt)
        if not run.task.done():
            run.log.to(log)
        await asyncio.wait({run.task})
        if not run.task.cancelled() and run.task.exception():
            self._runs.pop(receipt.key, None)  # a mistake of ours: it may be tried again
        return _outcome(run)

    async def observe(self, receipt: Receipt, log: TaskLog) -> Outcome:
        run = self._runs.get(receipt.key)
        if run is None:
            return Outcome("absent")
        return _outcome(run) if run.task.done() else Outcome("running")

    async def abort(self, receipt: Receipt, log: TaskLog) -> Aborted:
        run = self._runs.get(receipt.key)
        if run is None:
            return self._nothing_here(receipt)
        if run.task.done():
            return Aborted(not run.survived, run.survived or "it had ended")
        run.task.cancel()
        await asyncio.wait({run.task}, timeout=self._settings.grace + PATIENCE * 2)
        if not run.task.done():
            return Aborted(False, "it was told to stop and has not ended yet")
        return Aborted(not run.survived, run.survived or "stopped")

    def forget(self, deployment: str) -> bool:
        """Remove the workspaces of a deployment that has ended; false where one is in use and stays."""
        return self._workspaces.forget(deployment)

    async def close(self) -> None:
        """Stop everything."""
        running = [run.task for run in self._runs.values() if not run.task.done()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=self._settings.grace + PATIENCE * 2)

    def _begin(self, receipt: Receipt) -> Run:
        for key in [key for key, run in self._runs.items() if run.task.done()][:-REMEMBERED]:
            del self._runs[key]
        relay = Relay()
        run = Run(relay, asyncio.create_task(self._work(receipt, relay), name=f"build {receipt.key}"))
        run.task.add_done_callback(lambda _: relay.end())
        self._runs[receipt.key] = run
        return run

    async def _work(self, receipt: Receipt, log: Relay) -> Outcome:
        timeout = receipt.job.timeout
        try:
            async with asyncio.timeout(timeout) as deadline:
                return Outcome("succeeded", result=await self._in_workspace(receipt, log))
        except EXPECTED as error:
            if isinstance(error, Survived):
                self._runs[receipt.key].survived = str(error)
            reason = str(error)
        except asyncio.CancelledError:
            reason = "stopped on request"
        except TimeoutError:
            if not deadline.expired():
                raise
            reason = f"timed out after {timeout:g} s"
        except OSError as error:
            if error.errno not in DISK:
                raise
            reason = f"{DISK[error.errno]}: {error.filename or self._workspaces.root}"
        reason = redacted(reason, receipt.secrets)
        log.line(reason, "error")
        return Outcome("failed", error=reason)

    async def _in_workspace(self, receipt: Receipt, log: TaskLog) -> dict[str, object]:
        workspace = self._workspaces.of(receipt.job.deployment_id, receipt.job.application_id)
        async with workspace.lock(lambda: log.line("waiting for the workspace: another job works there")) as lock:
            workspace.touch()
            await in_thread(lambda _: self._workspaces.prune())
            commands = Commands(workspace.private, lock, self._settings.grace)
            return await self._jobs.run(Site(receipt, workspace, commands, log, self._settings.path))

    def _nothing_here(self, receipt: Receipt) -> Aborted:
        workspace = self._workspaces.of(receipt.job.deployment_id, receipt.job.application_id)
        if workspace.in_use():
            return Aborted(False, "it does not run in this process, but another one works in its workspace")
        return Aborted(True, "nothing runs under this key")


def _outcome(run: Run) -> Outcome:
    return Outcome("failed", error="stopped on request") if run.task.cancelled() else run.task.result()


def redacted(text: str, secrets: dict[str, str]) -> str:
    """git does not print what it was given; should it ever, an event must not keep it."""
    for value in sorted(filter(None, secrets.values()), key=len, reverse=True):
        text = text.replace(value, "********")
    return text
