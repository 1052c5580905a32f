"""A deployment: it owns the workflow, and says what may run next, what is over and what that means.

Of each task it knows one of: `blocked` (something must end first), `held` (a person must agree), `active` (released: its Task
knows whether it runs), `success`, `failed`, `cancelled`. Attempts and outcomes belong to the Task.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from domain.deployment.events import (
    DeploymentCancelled,
    DeploymentConfirmationRequested,
    DeploymentConfirmed,
    DeploymentCreated,
    DeploymentFailed,
    DeploymentQueued,
    DeploymentRetried,
    DeploymentRollbackFailed,
    DeploymentRollbackStarted,
    DeploymentRolledBack,
    DeploymentStarted,
    DeploymentSucceeded,
    DeploymentWorkflowChanged,
    TaskCancelledInDeployment,
    TaskConfirmedInDeployment,
    TaskFailedInDeployment,
    TaskSucceededInDeployment,
)
from domain.deployment.values import AppSnapshot, TaskSpec
from domain.event import Event
from domain.scheduling import dag
from domain.task.values import Artifact, Job, Source

Phase = Literal["pending", "running", "waiting_confirm", "success", "failed", "cancelled", "rolled_back"]
TaskState = Literal["blocked", "held", "active", "success", "failed", "cancelled"]
TOUCHES_THE_TARGET = frozenset({"deploy", "health_check", "deploy_green", "switch_traffic", "cleanup_blue"})
INSTALLS = frozenset({"deploy", "deploy_green"})


class Deployment(msgspec.Struct, frozen=True):
    id: str
    version: int
    plan: DeploymentCreated
    tasks: tuple[TaskSpec, ...]
    states: dict[str, TaskState]
    artifacts: dict[str, Artifact]
    phase: Phase = "pending"
    waiting_reason: str = ""
    approved: bool = False
    release_number: int = 0
    deadline: datetime | None = None
    failing: str = ""
    """Why it will have failed, once nothing runs any more."""
    failed_type: str = ""
    touched: bool = False
    """Something of it has changed the target, or may have."""
    hurt: bool = False
    """What was to change the target, or to look at it, ended badly."""
    going_back: bool = False
    """A person asked for the way back."""
    rollback_id: str = ""
    rolls_back: bool = False
    retried: bool = False
    """Some of its tasks may have been released more than once."""
    placed: dict[str, int] = {}
    """By application id: the release number under which it was last installed here."""
    by_id: dict[str, TaskSpec] = {}
    edges: dict[str, tuple[str, ...]] = {}
    """The tasks once more, and what each waits for: every end asks, and would have to put them together anew."""

    # What it knows

    @property
    def application_ids(self) -> tuple[str, ...]:
        return tuple(app.id for app in self.plan.applications)

    @property
    def environment_id(self) -> str:
        return self.plan.target.environment_id

    @property
    def active(self) -> tuple[str, ...]:
        return self.in_state("active")

    @property
    def is_open(self) -> bool:
        return self.phase in ("pending", "running", "waiting_confirm")

    @property
    def is_quiet(self) -> bool:
        """Over, and nothing of it runs any more."""
        return not self.is_open and not self.is_busy

    @property
    def is_busy(self) -> bool:
        """Something of it runs, or may be begun."""
        return "active" in self.states.values()

    def in_state(self, *states: TaskState) -> tuple[str, ...]:
        return tuple([task for task, state in self.states.items() if state in states])  # in the workflow's order, as they were put in

    def task(self, id: str) -> TaskSpec:
        return self.by_id[id]

    def application(self, id: str) -> AppSnapshot:
        return next(app for app in self.plan.applications if app.id == id)

    def source(self, application: str) -> Source:
        return self.application(application).source or self.plan.source

    def job(self, task_id: str) -> Job:
        """What whoever runs the task needs to know."""
        spec = self.task(task_id)
        app, source = self.application(spec.application_id), self.source(spec.application_id)
        timeout = self.plan.target.config.get("timeout") if spec.type in TOUCHES_THE_TARGET else None
        number = self.placed.get(app.id, self.release_number)  # whoever looks at a release asks for the one that was installed
        return Job(
            deployment_id=self.id, type=spec.type, application_id=app.id, application_name=app.name, application_config=app.config,
            source=source, target=self.plan.target, config=spec.config, release=f"{source.git_tag or source.git_commit}-{number}",
            artifact=self.artifacts.get(app.id), timeout=float(str(timeout or 0)) or self.plan.timeout,
        )

    def next_tasks(self, also_succeeded: Iterable[str] = (), among: Iterable[str] | None = None) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(to release, to hold for a person): the blocked tasks that nothing stands before any more."""
        blocked = self.in_state("blocked") if among is None else tuple(among)
        if not blocked:
            return (), ()
        ready = dag.ready(self.edges, blocked, (*self.in_state("success"), *also_succeeded))
        held = tuple([task for task in ready if self.by_id[task].require_confirm])
        return (tuple([task for task in ready if task not in held]), held) if held else (ready, ())


def begin(event: DeploymentCreated) -> Deployment:
    return Deployment(event.stream, event.version, event, event.tasks, {t.id: "blocked" for t in event.tasks}, event.artifacts,
                      by_id={t.id: t for t in event.tasks}, edges={t.id: t.depends_on for t in event.tasks})


def evolve(deployment: Deployment | None, event: Event) -> Deployment:
    if isinstance(event, DeploymentCreated):
        return begin(event)
    if deployment is None:
        raise TypeError(f"a deployment begins with its plan: {event}")
    after = msgspec.structs.replace(deployment, version=event.version, **changes(deployment, event))
    released = [after.by_id[task] for task in getattr(event, "released", ())]
    installing = {task.application_id: after.release_number for task in released if task.type in INSTALLS}
    return msgspec.structs.replace(after, placed={**after.placed, **installing}) if installing else after


def changes(d: Deployment, event: Event) -> dict[str, object]:  # one row a fact: a table, not a function with branches
    match event:
        case DeploymentQueued():
            return {"waiting_reason": "queued"}
        case DeploymentStarted():
            return {"phase": "running", "waiting_reason": "", "release_number": event.release_number, "deadline": event.deadline,
                    "states": moved(d.states, active=event.released, held=event.held)}
        case DeploymentConfirmationRequested():
            return {"phase": "waiting_confirm", "waiting_reason": event.reason}
        case DeploymentConfirmed():
            return confirmed(d, event)
        case TaskSucceededInDeployment():
            artifacts = {**d.artifacts, d.task(event.task_id).application_id: event.artifact} if event.artifact else d.artifacts
            return {"states": moved(d.states, success=(event.task_id,), active=event.released, held=event.held), "artifacts": artifacts,
                    "touched": d.touched or d.task(event.task_id).type in TOUCHES_THE_TARGET}
        case TaskFailedInDeployment():
            return ended_badly(d, event.task_id, event.error, "failed")
        case TaskCancelledInDeployment():
            return ended_badly(d, event.task_id, event.message, "cancelled", began=event.began)
        case TaskConfirmedInDeployment():
            return {"states": moved(d.states, active=event.released)} if event.decision == "continue" else given_up(d, event)
        case DeploymentWorkflowChanged():  # what was held waits for its dependencies anew: they may be others now
            ran = {task: state for task, state in d.states.items() if state not in ("blocked", "held")}
            return {"tasks": event.tasks, "states": {t.id: ran.get(t.id, "blocked") for t in event.tasks},
                    "by_id": {t.id: t for t in event.tasks}, "edges": {t.id: t.depends_on for t in event.tasks}}
        case DeploymentRetried():
            return {"phase": "running", "retried": True, "failing": "", "failed_type": "", "hurt": False, "going_back": False,
                    "deadline": event.deadline, "release_number": event.release_number,
                    "states": moved(d.states, blocked=event.task_ids, active=event.released, held=event.held)}
        case DeploymentSucceeded():
            return {"phase": "success"}
        case DeploymentFailed():
            return {"phase": "failed", "failing": event.error, "rolls_back": event.rolls_back}
        case DeploymentCancelled():
            return {"phase": "cancelled", "failing": event.reason, "states": moved(d.states, cancelled=d.in_state("blocked", "held"))}
        case DeploymentRollbackStarted():
            return {"rollback_id": event.rollback_id}
        case DeploymentRolledBack():
            return {"phase": "rolled_back"}
        case DeploymentRollbackFailed():
            return {"rollback_id": "", "rolls_back": False}
    raise TypeError(f"not a fact about a deployment: {event}")


def confirmed(d: Deployment, event: DeploymentConfirmed) -> dict[str, object]:
    if event.decision == "rollback":
        return {"waiting_reason": "", "failing": f"rolled back by decision: {event.reason}", "going_back": True,
                "phase": "running" if d.deadline else "pending"}
    if not d.deadline:
        return {"phase": "pending", "waiting_reason": "", "approved": True}
    return {"phase": "running", "waiting_reason": "", "deadline": event.deadline, "states": moved(d.states, active=event.released, held=event.held)}


def given_up(d: Deployment, event: TaskConfirmedInDeployment) -> dict[str, object]:
    if d.states[event.task_id] == "held":
        return {**ended_badly(d, event.task_id, f"refused: {event.reason}", "failed", began=False), "going_back": True}
    return {"failing": d.failing or f"{d.task(event.task_id).name}: given up by decision: {event.reason}", "going_back": True}


def ended_badly(d: Deployment, task: str, error: str, state: TaskState, *, began: bool = True) -> dict[str, object]:
    spec = d.task(task)
    on_target = spec.type in TOUCHES_THE_TARGET
    return {"states": moved(d.states, **{state: (task,)}), "failing": d.failing or f"{spec.name}: {error}",
            "failed_type": spec.type if on_target else d.failed_type or spec.type,
            "touched": d.touched or (on_target and began), "hurt": d.hurt or (on_target and began)}


def moved(states: Mapping[str, TaskState], **to: Iterable[str]) -> dict[str, TaskState]:
    changed: dict[str, TaskState] = {task: state for state, tasks in to.items() for task in tasks}  # type: ignore[misc]
    return {**states, **changed}
