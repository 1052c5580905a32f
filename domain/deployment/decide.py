"""What a deployment answers to each command: the facts that follow, or a refusal. Nothing here changes anything."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from domain.deployment.events import (
    DeploymentCancelled,
    DeploymentConfirmationRequested,
    DeploymentConfirmed,
    DeploymentFailed,
    DeploymentQueued,
    DeploymentRetried,
    DeploymentRollbackFailed,
    DeploymentRollbackStarted,
    DeploymentRolledBack,
    DeploymentStarted,
    DeploymentSucceeded,
    TaskCancelledInDeployment,
    TaskConfirmedInDeployment,
    TaskFailedInDeployment,
    TaskSucceededInDeployment,
)
from domain.deployment.model import TOUCHES_THE_TARGET, Deployment, evolve
from domain.errors import Refused
from domain.event import Event
from domain.task.values import Artifact

Decision = Literal["continue", "rollback"]


def start(d: Deployment, number: int, *, at: datetime, by: str) -> list[Event]:
    """Its way into the environment is free: release what nothing stands before."""
    if d.phase != "pending":
        raise Refused(f"{d.id} is {d.phase}: only a pending deployment can be started")
    released, held = d.next_tasks()
    deadline = at + timedelta(seconds=d.plan.timeout)
    return [DeploymentStarted(stream=d.id, version=d.version + 1, at=at, by=by, release_number=number, deadline=deadline,
                              released=released, held=held)]


def queue(d: Deployment, behind: tuple[str, ...], *, at: datetime, by: str) -> list[Event]:
    if d.phase != "pending":
        raise Refused(f"{d.id} is {d.phase}: only a pending deployment can be started")
    return [DeploymentQueued(stream=d.id, version=d.version + 1, at=at, by=by, behind=behind)]


def must_be_startable(d: Deployment) -> None:
    if d.phase == "waiting_confirm":
        raise Refused(f"{d.id} waits for a person: confirm it first")
    if d.phase != "pending":
        raise Refused(f"{d.id} is {d.phase}: only a pending deployment can be started")


def task_succeeded(d: Deployment, task: str, artifact: Artifact | None, *, at: datetime, by: str) -> list[Event]:
    """A task ended well. Nothing is released while a person is asked, after a failure, or after the end."""
    released, held = d.next_tasks((task,)) if d.phase == "running" and not d.failing else ((), ())
    first = TaskSucceededInDeployment(stream=d.id, version=d.version + 1, at=at, by=by, task_id=task, artifact=artifact,
                                      released=released, held=held)
    return [first, *settle(evolve(d, first), at=at, by=by)]


def task_failed(d: Deployment, task: str, error: str, *, at: datetime, by: str) -> list[Event]:
    first = TaskFailedInDeployment(stream=d.id, version=d.version + 1, at=at, by=by, task_id=task, error=error)
    return [first, *settle(evolve(d, first), at=at, by=by)]


def task_cancelled(d: Deployment, task: str, stopped: bool, message: str, *, began: bool = True, at: datetime, by: str) -> list[Event]:
    first = TaskCancelledInDeployment(stream=d.id, version=d.version + 1, at=at, by=by, task_id=task, stopped=stopped, message=message, began=began)
    return [first, *settle(evolve(d, first), at=at, by=by)]


def settle(d: Deployment, *, at: datetime, by: str) -> list[Event]:
    """The end, if this was the last thing that ran: success when every task succeeded, failure when one did not."""
    if d.is_busy or not d.is_open or d.phase == "pending":
        return []
    if d.failing:
        back = (d.plan.auto_rollback and d.hurt) or (d.going_back and d.touched)
        return [DeploymentFailed(stream=d.id, version=d.version + 1, at=at, by=by, error=d.failing, task_type=d.failed_type,
                                 rolls_back=back and not d.plan.rollback_of)]
    if d.phase == "running" and len(d.in_state("success")) == len(d.tasks):
        return [DeploymentSucceeded(stream=d.id, version=d.version + 1, at=at, by=by)]
    if d.phase == "running" and not d.in_state("held"):  # a failed task was left as it was while others ran again
        left = d.task(d.in_state("failed", "cancelled")[0])
        return [DeploymentFailed(stream=d.id, version=d.version + 1, at=at, by=by, task_type=left.type,
                                 error=f"{left.name} had failed and was not run again")]
    return []


def confirm(d: Deployment, decision: Decision, reason: str, *, at: datetime, by: str) -> list[Event]:
    """A person's word. Before anything ran, `rollback` means: leave it; and `continue` still needs the way to be free (`start`)."""
    if d.phase != "waiting_confirm":
        raise Refused(f"{d.id} does not wait for a decision: it is {d.phase}")
    goes_on = decision == "continue" and d.deadline is not None
    released, held = d.next_tasks() if goes_on and not d.failing else ((), ())
    first = DeploymentConfirmed(
        stream=d.id, version=d.version + 1, at=at, by=by, decision=decision, reason=reason, released=released, held=held,
        deadline=at + timedelta(seconds=d.plan.timeout) if goes_on else None)
    after = evolve(d, first)
    if decision == "rollback" and d.deadline is None:
        return [first, DeploymentCancelled(stream=d.id, version=d.version + 2, at=at, by=by, reason=f"Declined: {reason}" if reason else "Declined")]
    return [first, *settle(after, at=at, by=by)]


def confirm_task(d: Deployment, task: str, decision: Decision, reason: str, *, at: datetime, by: str) -> list[Event]:
    """A person's word about a held task. It runs only where others may run as well: not after a failure, not while a person is asked."""
    if task not in d.in_state("held") or not d.is_open:
        raise Refused(f"{task} does not wait for a decision")
    if decision == "continue" and (d.failing or d.phase != "running"):
        raise Refused(f"nothing more runs in {d.id}: {d.failing or 'it waits for a decision itself'}")
    released = (task,) if decision == "continue" else ()
    first = TaskConfirmedInDeployment(stream=d.id, version=d.version + 1, at=at, by=by, task_id=task, decision=decision, reason=reason,
                                      released=released)
    return [first, *settle(evolve(d, first), at=at, by=by)]


def give_up_task(d: Deployment, task: str, reason: str, *, at: datetime, by: str) -> list[Event]:
    """A person does not want a task that runs to go on: whatever comes of it, nothing more is released, and what it changed is put back."""
    if task not in d.active or not d.is_open:
        return []
    return [TaskConfirmedInDeployment(stream=d.id, version=d.version + 1, at=at, by=by, task_id=task, decision="rollback", reason=reason)]


def pass_deadline(d: Deployment, deadline: datetime, *, at: datetime, by: str) -> list[Event]:
    """Nothing, if it is over or was given more time since; else a person is asked, and nothing more is released."""
    if d.phase != "running" or d.deadline != deadline or at < deadline:
        return []
    message = f"not finished after {d.plan.timeout:g} s: continue, or roll back"
    return [DeploymentConfirmationRequested(stream=d.id, version=d.version + 1, at=at, by=by, reason="timeout", message=message, deadline=deadline)]


def cancel(d: Deployment, reason: str, *, at: datetime, by: str) -> list[Event]:
    if not d.is_open:
        raise Refused(f"{d.id} is {d.phase}: there is nothing to cancel")
    return [DeploymentCancelled(stream=d.id, version=d.version + 1, at=at, by=by, reason=reason, stopping=d.active)]


def retry(d: Deployment, tasks: Sequence[str], number: int, *, at: datetime, by: str) -> list[Event]:
    """Run failed tasks again, as new attempts; what succeeded stays, and what never came to run may do so now."""
    must_be_retryable(d, tasks)
    again = tuple(tasks) or d.in_state("failed", "cancelled")
    released, held = d.next_tasks(among=(*again, *d.in_state("blocked")))
    first = DeploymentRetried(stream=d.id, version=d.version + 1, at=at, by=by, task_ids=again, deadline=at + timedelta(seconds=d.plan.timeout),
                              release_number=number, released=released, held=held)
    return [first, *settle(evolve(d, first), at=at, by=by)]


def must_be_retryable(d: Deployment, tasks: Sequence[str]) -> None:
    if d.phase != "failed":
        raise Refused(f"{d.id} is {d.phase}: only a failed deployment can be retried")
    if d.rolls_back or d.rollback_id:
        raise Refused(f"{d.id} is being rolled back: make a new deployment")
    wrong = [t for t in tasks if t not in d.in_state("failed", "cancelled")]
    if wrong:
        raise Refused(f"{wrong[0]} has not failed: only failed tasks can be retried")


def must_stand_as_it_left(d: Deployment, overtaken: bool) -> None:
    """What it installed and would not install again must still be there. `overtaken`: another deployment has been there since."""
    installed = [task for task in d.in_state("success") if d.task(task).type in TOUCHES_THE_TARGET]
    if overtaken and installed:
        raise Refused(f"others have changed since what {d.task(installed[0]).name} had done: make a new deployment")


def ask_for_approval(d: Deployment, *, at: datetime, by: str) -> list[Event]:
    message = "a person must agree before anything runs"
    return [DeploymentConfirmationRequested(stream=d.id, version=d.version + 1, at=at, by=by, reason="manual_approval", message=message)]


def start_rollback(d: Deployment, rollback: str, *, automatic: bool, at: datetime, by: str) -> list[Event]:
    if d.phase not in ("failed", "success"):
        raise Refused(f"{d.id} is {d.phase}: only what has failed or succeeded can be rolled back")
    if d.rollback_id:
        raise Refused(f"{d.id} is being rolled back by {d.rollback_id}")
    return [DeploymentRollbackStarted(stream=d.id, version=d.version + 1, at=at, by=by, rollback_id=rollback, automatic=automatic)]


def rolled_back(d: Deployment, rollback: str, *, at: datetime, by: str) -> list[Event]:
    if d.rollback_id != rollback or d.phase == "rolled_back":
        return []
    return [DeploymentRolledBack(stream=d.id, version=d.version + 1, at=at, by=by, rollback_id=rollback)]


def rollback_failed(d: Deployment, rollback: str, error: str, *, at: datetime, by: str) -> list[Event]:
    if d.rollback_id != rollback or d.phase == "rolled_back":
        return []
    return [DeploymentRollbackFailed(stream=d.id, version=d.version + 1, at=at, by=by, rollback_id=rollback, error=error)]


def no_way_back(d: Deployment, error: str, *, at: datetime, by: str) -> list[Event]:
    """It was to be rolled back by itself, and there is nothing to go back to."""
    return [DeploymentRollbackFailed(stream=d.id, version=d.version + 1, at=at, by=by, rollback_id="", error=error)]
