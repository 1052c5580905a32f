"""What can have happened to a task: its attempts, who holds it, and how each attempt ended."""

from datetime import datetime

from domain.event import Event, Json
from domain.task.values import Job


class TaskReleased(Event, frozen=True, kw_only=True):
    """An attempt may run: everything it depends on has ended well."""

    TOPIC = "task.released"
    attempt: int
    job: Job


class TaskStarted(Event, frozen=True, kw_only=True):
    """The intent: a worker holds the attempt under this fencing token and is about to act on the outside."""

    TOPIC = "task.started"
    attempt: int
    token: int
    worker: str
    deadline: datetime


class TaskTakenOver(Event, frozen=True, kw_only=True):
    """Another worker holds the attempt now, because the one before went silent; it looks before it does anything."""

    TOPIC = "task.taken_over"
    attempt: int
    token: int
    worker: str


class TaskSucceeded(Event, frozen=True, kw_only=True):
    """The attempt ended well."""

    TOPIC = "task.succeeded"
    attempt: int
    token: int
    result: Json


class TaskFailed(Event, frozen=True, kw_only=True):
    """The attempt ended badly."""

    TOPIC = "task.failed"
    attempt: int
    token: int
    error: str
    result: Json = {}


class TaskOutcomeUnknown(Event, frozen=True, kw_only=True):
    """The target was lost from sight: whether the work goes on, ended or never began is not known. It is looked at again."""

    TOPIC = "task.outcome_unknown"
    attempt: int
    token: int
    reason: str


class TaskOutcomeRejected(Event, frozen=True, kw_only=True):
    """Somebody whose token is old reported an end. It is kept for the record and changes nothing."""

    TOPIC = "task.outcome_rejected"
    attempt: int
    token: int
    outcome: str
    error: str = ""


class TaskTimedOut(Event, frozen=True, kw_only=True):
    """The deadline passed while the outcome was still open: a person is asked."""

    TOPIC = "task.timed_out"
    attempt: int
    deadline: datetime


class TaskConfirmed(Event, frozen=True, kw_only=True):
    """A person decided about a task whose deadline had passed or that was out of sight: `continue` gives it until `deadline`, `rollback`
    has it stopped and failed."""

    TOPIC = "task.confirmed"
    attempt: int
    decision: str
    reason: str
    deadline: datetime | None = None


class TaskCancelRequested(Event, frozen=True, kw_only=True):
    """Somebody wants the attempt stopped; whoever holds it is told."""

    TOPIC = "task.cancel_requested"
    attempt: int
    reason: str


class TaskCancelled(Event, frozen=True, kw_only=True):
    """The attempt is over without an end of its own. `stopped`: it was seen that nothing runs any more; else `message` says what is known."""

    TOPIC = "task.cancelled"
    attempt: int
    token: int
    stopped: bool
    message: str
