"""Another workflow for a deployment: what may be changed, and when."""

from datetime import datetime

from domain.deployment.events import DeploymentWorkflowChanged
from domain.deployment.model import Deployment
from domain.deployment.values import TASK_TYPES, TaskSpec
from domain.errors import Invalid, Refused
from domain.event import Event
from domain.scheduling import dag


def edit(d: Deployment, tasks: tuple[TaskSpec, ...], *, at: datetime, by: str) -> list[Event]:
    """Another workflow, while nothing of it runs; a sound graph of known types over the deployment's own applications."""
    must_be_editable(d)
    must_make_sense(d, tasks)
    new = {task.id: task for task in tasks}
    changed = [task.id for task in d.tasks if d.states[task.id] not in ("blocked", "held") and new.get(task.id) != task]
    if changed:
        raise Refused(f"{changed[0]} has run already and cannot be changed")
    try:
        dag.validate({task.id: task.depends_on for task in tasks})
    except dag.BadGraph as error:
        raise Refused(str(error), path=list(error.path)) from error
    return [DeploymentWorkflowChanged(stream=d.id, version=d.version + 1, at=at, by=by, tasks=tasks)]


def must_be_editable(d: Deployment) -> None:
    """While it is pending or waits for a person; never behind the back of those who agreed to it as it was."""
    if d.phase not in ("pending", "waiting_confirm"):
        raise Refused(f"{d.id} is {d.phase}: its workflow can be edited only while it is pending or waits for confirmation")
    if d.plan.change_id:
        raise Refused(f"{d.id} does what the change {d.plan.change_id} was approved for: make another change")
    if d.approved and d.phase == "pending":
        raise Refused(f"{d.id} was approved as it is: cancel it and make a new one")


def must_make_sense(d: Deployment, tasks: tuple[TaskSpec, ...]) -> None:
    if not tasks:
        raise Invalid("a workflow has at least one task", field="tasks")
    if len({task.id for task in tasks}) < len(tasks):
        raise Invalid("two tasks have the same id", field="tasks")
    if unknown := [task.type for task in tasks if task.type not in TASK_TYPES]:
        raise Invalid(f"there is no task type {unknown[0]!r}", field="tasks", known=sorted(TASK_TYPES))
    if strange := [task.application_id for task in tasks if task.application_id not in d.application_ids]:
        raise Refused(f"{strange[0]} is not an application of {d.id}")
