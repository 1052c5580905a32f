"""A task: its attempts, who holds it, and how it ended.

A fencing token counts the claims of the task's life: only the holder of the newest token may report an end. The key under
which the outside is changed is made of the task and the attempt, so that whoever takes over looks at the same work.
"""

from datetime import datetime
from typing import Literal

import msgspec

from domain.errors import Refused
from domain.event import Event, Json
from domain.task.events import (
    TaskCancelled,
    TaskCancelRequested,
    TaskConfirmed,
    TaskFailed,
    TaskOutcomeRejected,
    TaskOutcomeUnknown,
    TaskReleased,
    TaskStarted,
    TaskSucceeded,
    TaskTakenOver,
    TaskTimedOut,
)
from domain.task.values import Job

State = Literal["pending", "running", "waiting_confirm", "success", "failed", "cancelled"]
Decision = Literal["continue", "rollback"]
OPEN: frozenset[State] = frozenset({"pending", "running", "waiting_confirm"})


class Task(msgspec.Struct, frozen=True):
    id: str
    version: int
    attempt: int
    job: Job
    state: State = "pending"
    token: int = 0
    worker: str = ""
    deadline: datetime | None = None
    unknown: bool = False
    """The target is out of sight: the outcome is open."""
    cancelling: str = ""
    """Why somebody wants it stopped."""
    given_up: bool = False
    """A person decided that it has failed: it is being stopped for that."""

    @property
    def key(self) -> str:
        return f"{self.id}-{self.attempt}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def release_again(self, job: Job, *, at: datetime, by: str) -> TaskReleased:
        """A new attempt after one that failed or was cancelled."""
        if self.is_open:
            raise Refused(f"{self.id} has not ended: cancel it before you run it again")
        if self.state == "success":
            raise Refused(f"{self.id} has succeeded: there is nothing to run again")
        return TaskReleased(stream=self.id, version=self.version + 1, at=at, by=by, attempt=self.attempt + 1, job=job)

    def begin(self, worker: str, deadline: datetime, *, at: datetime, by: str) -> TaskStarted | TaskTakenOver:
        """Take hold of the attempt: the first to do so states the intent, a later one takes over."""
        if not self.is_open:
            raise Refused(f"{self.id} has ended: {self.state}")
        if self.token and self.state != "pending":
            return TaskTakenOver(stream=self.id, version=self.version + 1, at=at, by=by, attempt=self.attempt, token=self.token + 1, worker=worker)
        return TaskStarted(stream=self.id, version=self.version + 1, at=at, by=by, attempt=self.attempt, token=self.token + 1,
                           worker=worker, deadline=deadline)

    def holds(self, attempt: int, token: int) -> bool:
        return self.state in ("running", "waiting_confirm") and (attempt, token) == (self.attempt, self.token)

    def succeed(self, attempt: int, token: int, result: Json, *, at: datetime, by: str) -> TaskSucceeded | TaskOutcomeRejected:
        if not self.holds(attempt, token):
            return self._rejected(attempt, token, "success", at=at, by=by)
        return TaskSucceeded(stream=self.id, version=self.version + 1, at=at, by=by, attempt=attempt, token=token, result=result)

    def fail(self, attempt: int, token: int, error: str, result: Json, *, at: datetime, by: str) -> TaskFailed | TaskOutcomeRejected:
        if not self.holds(attempt, token):
            return self._rejected(attempt, token, "failed", error, at=at, by=by)
        return TaskFailed(stream=self.id, version=self.version + 1, at=at, by=by, attempt=attempt, token=token, error=error, result=result)

    def cancelled(self, attempt: int, token: int, stopped: bool, message: str, *, at: datetime, by: str) -> TaskCancelled | TaskOutcomeRejected:
        if not self.holds(attempt, token):
            return self._rejected(attempt, token, "cancelled", message, at=at, by=by)
        return TaskCancelled(stream=self.id, version=self.version + 1, at=at, by=by, attempt=attempt, token=token, stopped=stopped, message=message)

    def _rejected(self, attempt: int, token: int, outcome: str, error: str = "", *, at: datetime, by: str) -> TaskOutcomeRejected:
        return TaskOutcomeRejected(stream=self.id, version=self.version + 1, at=at, by=by, attempt=attempt, token=token, outcome=outcome, error=error)

    def lose_sight(self, attempt: int, token: int, reason: str, *, at: datetime, by: str) -> TaskOutcomeUnknown | None:
        if self.unknown or not self.holds(attempt, token):
            return None
        return TaskOutcomeUnknown(stream=self.id, version=self.version + 1, at=at, by=by, attempt=attempt, token=token, reason=reason)

    def pass_deadline(self, deadline: datetime, *, at: datetime, by: str) -> TaskTimedOut | None:
        """Nothing, if the attempt has ended or has been given more time since."""
        if self.state != "running" or self.deadline != deadline or at < deadline:
            return None
        return TaskTimedOut(stream=self.id, version=self.version + 1, at=at, by=by, attempt=self.attempt, deadline=deadline)

    def confirm(self, decision: Decision, reason: str, deadline: datetime, *, at: datetime, by: str) -> TaskConfirmed:
        """A person's word, where the deadline has passed or nobody knows how it stands: give it more time, or give it up."""
        if self.state != "waiting_confirm" and not self.unknown:
            raise Refused(f"{self.id} does not wait for a decision: it is {self.state}")
        if self.cancelling:
            raise Refused(f"{self.id} is being stopped: {self.cancelling}")
        return TaskConfirmed(stream=self.id, version=self.version + 1, at=at, by=by, attempt=self.attempt, decision=decision, reason=reason,
                             deadline=deadline if decision == "continue" else None)

    def cancel(self, reason: str, *, at: datetime, by: str) -> TaskCancelRequested | TaskCancelled | None:
        """What nobody has begun is over at once; what runs is asked to stop."""
        if not self.is_open:
            raise Refused(f"{self.id} has ended: {self.state}")
        if self.cancelling:
            return None
        if self.state == "pending":
            return TaskCancelled(stream=self.id, version=self.version + 1, at=at, by=by, attempt=self.attempt, token=self.token,
                                 stopped=True, message="it had not begun")
        return TaskCancelRequested(stream=self.id, version=self.version + 1, at=at, by=by, attempt=self.attempt, reason=reason)


def release(id: str, job: Job, *, at: datetime, by: str) -> TaskReleased:
    """The first attempt."""
    return TaskReleased(stream=id, version=1, at=at, by=by, attempt=1, job=job)


def evolve(task: Task | None, event: Event) -> Task:
    if isinstance(event, TaskReleased):
        return Task(event.stream, event.version, event.attempt, event.job, token=task.token if task else 0)
    if task is None:
        raise TypeError(f"a task begins with its release: {event}")
    match event:
        case TaskStarted():
            return msgspec.structs.replace(
                task, version=event.version, state="running", token=event.token, worker=event.worker, deadline=event.deadline)
        case TaskTakenOver():
            return msgspec.structs.replace(task, version=event.version, token=event.token, worker=event.worker)
        case TaskSucceeded():
            return msgspec.structs.replace(task, version=event.version, state="success", unknown=False)
        case TaskFailed():
            return msgspec.structs.replace(task, version=event.version, state="failed", unknown=False)
        case TaskCancelled():
            return msgspec.structs.replace(task, version=event.version, state="cancelled", unknown=False)
        case TaskOutcomeUnknown():
            return msgspec.structs.replace(task, version=event.version, unknown=True)
        case TaskOutcomeRejected():
            return msgspec.structs.replace(task, version=event.version)
        case TaskTimedOut():
            return msgspec.structs.replace(task, version=event.version, state="waiting_confirm")
        case TaskConfirmed():
            if event.decision == "rollback":
                return msgspec.structs.replace(task, version=event.version, given_up=True)
            return msgspec.structs.replace(task, version=event.version, state="running", deadline=event.deadline)
        case TaskCancelRequested():
            return msgspec.structs.replace(task, version=event.version, cancelling=event.reason or "nobody said why")
    raise TypeError(f"not a fact about a task: {event}")
