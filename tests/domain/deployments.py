"""A deployment's histories, for its tests: one application's build → test → deploy → health check, in every phase it can be in."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

from domain.deployment.events import (
    DeploymentCancelled,
    DeploymentConfirmationRequested,
    DeploymentCreated,
    DeploymentFailed,
    DeploymentQueued,
    DeploymentRollbackStarted,
    DeploymentRolledBack,
    DeploymentStarted,
    DeploymentSucceeded,
    TaskCancelledInDeployment,
    TaskFailedInDeployment,
    TaskSucceededInDeployment,
)
from domain.deployment.values import AppSnapshot, TaskSpec
from domain.event import Event
from domain.task.values import Source, Target
from tests.support.given import NOON, fact

AS = {"at": NOON, "by": "usr_ann"}
DEADLINE = NOON + timedelta(minutes=30)
SOURCE = Source(version_id="ver_1", repository="https://git.example/org/app", git_tag="v1.0.0", git_commit="c0ffee")
TARGET = Target(environment_id="env_1", name="production", type="memory", config={})
DEPLOYED = ("task_build", "task_test", "task_deploy", "task_health")


def app(id: str = "app_1", **fields: Any) -> AppSnapshot:
    return AppSnapshot(**{"id": id, "name": id, "repository": SOURCE.repository, "config": {}, **fields})


def task(id: str, type: str, *depends_on: str, **fields: Any) -> TaskSpec:
    return TaskSpec(**{"id": id, "type": type, "name": id, "application_id": "app_1", "depends_on": depends_on, **fields})


BUILD, TEST = task("task_build", "build"), task("task_test", "test", "task_build")
DEPLOY, HEALTH = task("task_deploy", "deploy", "task_test"), task("task_health", "health_check", "task_deploy")
CHAIN = (BUILD, TEST, DEPLOY, HEALTH)


def created(*tasks: TaskSpec, **fields: Any) -> DeploymentCreated:
    apps = {spec.application_id for spec in tasks} or {"app_1"}
    return fact(DeploymentCreated, "dep_1", **{
        "source": SOURCE, "applications": tuple(app(id) for id in sorted(apps)), "target": TARGET, "tasks": tasks or CHAIN, **fields})


def started(*released: str, held: tuple[str, ...] = ()) -> DeploymentStarted:
    return fact(DeploymentStarted, "dep_1", release_number=7, deadline=DEADLINE, released=released, held=held)


def succeeded(task_id: str, *released: str, held: tuple[str, ...] = (), **fields: Any) -> TaskSucceededInDeployment:
    return fact(TaskSucceededInDeployment, "dep_1", task_id=task_id, released=released, held=held, **fields)


def failed(task_id: str, error: str = "broken") -> TaskFailedInDeployment:
    return fact(TaskFailedInDeployment, "dep_1", task_id=task_id, error=error)


def cancelled(task_id: str, *, stopped: bool = True, began: bool = True, message: str = "stopped") -> TaskCancelledInDeployment:
    return fact(TaskCancelledInDeployment, "dep_1", task_id=task_id, stopped=stopped, message=message, began=began)


def over(error: str, task_type: str, *, rolls_back: bool = False) -> DeploymentFailed:
    return fact(DeploymentFailed, "dep_1", error=error, task_type=task_type, rolls_back=rolls_back)


QUEUED = fact(DeploymentQueued, "dep_1", behind=("dep_0",))
DONE = fact(DeploymentSucceeded, "dep_1")
ASKED = fact(DeploymentConfirmationRequested, "dep_1", reason="manual_approval", message="may it?")
TIMED_OUT = fact(DeploymentConfirmationRequested, "dep_1", reason="timeout", message="late", deadline=DEADLINE)
STOPPED = fact(DeploymentCancelled, "dep_1", reason="no", stopping=())
GOES_BACK = fact(DeploymentRollbackStarted, "dep_1", rollback_id="dep_2", automatic=True)
WENT_BACK = fact(DeploymentRolledBack, "dep_1", rollback_id="dep_2")

RUNNING = (created(), started("task_build"))
SUCCESS = (*RUNNING, *(succeeded(done, after) for done, after in pairwise(DEPLOYED)), succeeded("task_health"), DONE)
UNHEALTHY = (*SUCCESS[:-2], failed("task_health", "503"))

HISTORIES: dict[str, tuple[Event, ...]] = {
    "pending": (created(),),
    "queued": (created(), QUEUED),
    "asked": (created(manual_approval=True), ASKED),
    "running": RUNNING,
    "timed out": (*RUNNING, TIMED_OUT),
    "failed": (*RUNNING, failed("task_build"), over("task_build: broken", "build")),
    "to be rolled back": (*UNHEALTHY, over("task_health: 503", "health_check", rolls_back=True)),
    "being rolled back": (*UNHEALTHY, over("task_health: 503", "health_check", rolls_back=True), GOES_BACK),
    "success": SUCCESS,
    "success, being rolled back": (*SUCCESS, GOES_BACK),
    "cancelled": (*RUNNING, STOPPED, cancelled("task_build")),
    "rolled back": (*UNHEALTHY, over("task_health: 503", "health_check", rolls_back=True), GOES_BACK, WENT_BACK),
}
