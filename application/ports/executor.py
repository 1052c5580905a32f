"""The port for slow outside work: a builder runs commands, a deployer changes a target.

Every method is idempotent under the receipt's key: `apply` twice with one key does the work once. The caller owns the
retry policy, the deadline and the record of what happened; an implementation only does, looks and stops.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from application.ports.logs import TaskLog
from domain.task.values import Job


@dataclass(frozen=True)
class Receipt:
    """What is needed to find a piece of work again: its key, and the job it stands for."""

    key: str
    """`<task id>-<attempt>`: the same for every repetition of one attempt."""
    job: Job
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    """Plain values of the job's secret settings, by dotted name (`environment.ssh_key`, `application.git_token`)."""
    artifact: Path | None = None
    """The package to install, where the job has one: a file of the artifact store."""


@dataclass(frozen=True)
class Outcome:
    """What is known of a piece of work.

    `absent`: never begun under this key. `running`: begun, not ended. `succeeded`, `failed`: ended, with a result.
    `interrupted`: begun, and whoever did it is gone without an end; `error` and `result` say what was found by looking.
    """

    state: Literal["absent", "running", "succeeded", "failed", "interrupted"]
    error: str = ""
    result: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Aborted:
    """What a stop achieved. `stopped` is true only where it was seen that nothing runs any more."""

    stopped: bool
    message: str


class Terminal(Exception):
    """The work cannot succeed by being tried again: a wrong host key, a missing setting, git's refusal."""


class Transient(Exception):
    """The target could not be reached, or was lost: whether the work began is not known. Look (`observe`) before saying more."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds the caller should wait before it looks again."""


class Executor(Protocol):
    async def apply(self, receipt: Receipt, log: TaskLog) -> Outcome:
        """Do the work and wait for its end; return `succeeded`, `failed` or `interrupted`.
        Under a key that has begun before, do not begin again: follow it to its end and return that.
        Raises Terminal (nothing was begun) or Transient (it may have been begun). Cancelling the call leaves the work as it is."""

    async def observe(self, receipt: Receipt, log: TaskLog) -> Outcome:
        """Look, change nothing. Raises Transient when the target cannot be seen, Terminal when it must not be talked to."""

    async def abort(self, receipt: Receipt, log: TaskLog) -> Aborted:
        """Stop the work if it runs, and say honestly what came of it. Raises Transient when the target cannot be reached."""
