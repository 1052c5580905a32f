"""What a deployment's facts mean for its tasks. A task that nothing stands before is `pending` from the plan on; the others are `blocked`."""

import json
from collections.abc import Sequence

import msgspec

from domain.deployment.events import (
    DeploymentCancelled,
    DeploymentConfirmed,
    DeploymentCreated,
    DeploymentRetried,
    DeploymentRolledBack,
    DeploymentStarted,
    DeploymentWorkflowChanged,
    TaskConfirmedInDeployment,
    TaskSucceededInDeployment,
)
from domain.deployment.values import TaskSpec
from domain.recorded import Recorded
from projections.engine.masking import masked
from projections.engine.projection import Parameters, Statement, row

written = json.JSONEncoder(ensure_ascii=False).encode
HELD = {"kind": "confirmation", "reason": "require_confirm"}


def of_deployment(recorded: Recorded) -> list[Statement]:
    match event := recorded.event:
        case TaskSucceededInDeployment():
            return [*packaged(recorded, event), *moved(recorded, event.released, event.held)]
        case DeploymentCreated():
            return [("insert_task", spec_row(recorded, n, task)) for n, task in enumerate(event.tasks, 1)]
        case DeploymentWorkflowChanged():
            kept = row(recorded, task_ids=[task.id for task in event.tasks])
            return [("drop_others", kept), *(("put_task", spec_row(recorded, n, task)) for n, task in enumerate(event.tasks, 1))]
        case DeploymentStarted() | DeploymentConfirmed():
            return moved(recorded, event.released, event.held)
        case DeploymentRetried():
            return [("block_again", row(recorded, task_ids=list(event.task_ids))), *moved(recorded, event.released, event.held)]
        case TaskConfirmedInDeployment():
            return decided(recorded, event)
        case DeploymentCancelled():
            return [("cancel_what_waits", row(recorded, stopping=list(event.stopping)))]
        case DeploymentRolledBack():
            return [("roll_back_successes", row(recorded))]
    return []


def spec_row(recorded: Recorded, number: int, task: TaskSpec) -> Parameters:
    config = masked(task.config)
    return row(
        recorded, task_id=task.id, ord=number, application_id=task.application_id, type=task.type, name=task.name, depends_on=list(task.depends_on),
        config=config, payload=written({f"{task.type}_config": config}), require_confirm=task.require_confirm,
        status="blocked" if task.depends_on else "pending")


def moved(recorded: Recorded, released: Sequence[str], held: Sequence[str]) -> list[Statement]:
    statements: list[Statement] = []
    if released:
        statements.append(("release", row(recorded, task_ids=list(released))))
    if held:
        statements.append(("hold", row(recorded, task_ids=list(held), waiting_for=HELD)))
    return statements


def packaged(recorded: Recorded, event: TaskSucceededInDeployment) -> list[Statement]:
    if event.artifact is None:
        return []
    return [("keep_artifact", row(recorded, task_id=event.task_id, artifact=msgspec.to_builtins(event.artifact)))]


def decided(recorded: Recorded, event: TaskConfirmedInDeployment) -> list[Statement]:
    if event.decision == "continue":
        return [("agree", row(recorded, task_id=event.task_id, reason=event.reason)), *moved(recorded, event.released, ())]
    return [("refuse", row(recorded, task_id=event.task_id, error=f"refused: {event.reason}"))]
