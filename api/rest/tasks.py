"""Tasks (S1, S3, S4). Before its release only the deployment knows a task, so each is addressed with its deployment."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.reading import TASKS
from api.rest.call import Call, OneCall, shown
from api.rest.deployments import Decision
from api.rest.fields import Body, Config, Name, Nothing, Text
from api.rest.paging import Asked, Pages
from api.rest.route import Route
from api.rest.workflow import Blocked, TaskType
from application.deployments.commands import EditedTask
from application.house import Done

Change = Callable[[list[EditedTask]], list[EditedTask]]
router = APIRouter(route_class=Route, tags=["tasks"])
s3 = APIRouter(route_class=Route, tags=["tasks"])
"""What S3 knows too."""
Status = Literal["blocked", "pending", "waiting_confirm", "running", "success", "failed", "cancelled", "rolled_back"]


class OtherTask(Blocked):
    """What is left out stays as it is."""

    name: Name | None = None
    config: Config | None = None
    require_confirm: bool | None = None


class Stop(Body):
    reason: Text = "cancelled by user"


@router.get("/tasks")
async def list_tasks(call: OneCall, pages: Pages, deployment_id: Asked = None, status: Annotated[Status | None, Query()] = None,
                     type: Annotated[TaskType | None, Query()] = None) -> Response:
    return pages.answer(await call.read.page(TASKS, **pages.arguments, deployment_id=deployment_id, status=status, type=type))


@s3.get("/tasks/{id}")
async def get_task(call: OneCall, id: str) -> Response:
    return shown(await call.read.one(TASKS, id))


@s3.post("/tasks/{id}/retry")
async def retry_task(call: OneCall, id: str, body: Nothing | None = None) -> Response:
    """As a new attempt; the logs of the old one stay."""
    deployment = await call.read.deployment_of(id)
    return await call.done(await call.services.tasks.retry(call.caller, deployment, id), TASKS, id=id)


@s3.post("/tasks/{id}/cancel")
async def cancel_task(call: OneCall, id: str, body: Stop | None = None) -> Response:
    deployment = await call.read.deployment_of(id)
    return await call.done(await call.services.tasks.cancel(call.caller, deployment, id, (body or Stop()).reason), TASKS, id=id)


@router.post("/tasks/{id}/confirm")
async def confirm_task(call: OneCall, id: str, body: Decision) -> Response:
    deployment = await call.read.deployment_of(id)
    return await call.done(await call.services.tasks.confirm(call.caller, deployment, id, body.decision, body.reason), TASKS, id=id)


@router.put("/tasks/{id}")
async def change_task(call: OneCall, id: str, body: OtherTask) -> Response:
    """While its workflow can be edited."""

    def changed(task: EditedTask) -> EditedTask:
        if task.id != id:
            return task
        return replace(task, name=body.name or task.name, config=body.config, require_confirm=body.require_confirm,
                       depends_on=task.depends_on if body.blockers is None else body.blockers)

    return await call.done(await edit(call, id, lambda tasks: [changed(task) for task in tasks]), TASKS, id=id)


@router.delete("/tasks/{id}")
async def delete_task(call: OneCall, id: str) -> Response:
    """While its workflow can be edited. Those who waited for it wait for what it waited for."""
    return await call.said(await edit(call, id, lambda tasks: without(tasks, id)), {"message": "Task deleted successfully"})


async def edit(call: Call, id: str, change: Change) -> Done:
    """Edit the workflow in which the task stands; 409 if somebody else edits it at the same time."""
    deployment = await call.read.deployment_of(id)
    workflow = await call.read.workflow(deployment)
    tasks = [EditedTask(row["id"], row["type"], row["name"], row["application_id"], tuple(row["depends_on"])) for row in workflow["tasks"]]
    return await call.services.deployments.edit(call.caller, deployment, tuple(change(tasks)), workflow["stream_version"])


def without(tasks: list[EditedTask], id: str) -> list[EditedTask]:
    gone = next(task for task in tasks if task.id == id)

    def instead(depends_on: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(new for old in depends_on for new in (gone.depends_on if old == id else (old,))))

    return [replace(task, depends_on=instead(task.depends_on)) for task in tasks if task.id != id]
