"""A deployment's workflow (S1, S4): shown, and edited as a whole."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import AliasChoices, Field, model_validator
from starlette.responses import Response

from api.rest.call import OneCall, shown
from api.rest.fields import Body, Config, Id, Name
from api.rest.route import Route
from application.deployments.commands import EditedTask

router = APIRouter(route_class=Route, tags=["deployments"])
s3 = APIRouter(route_class=Route, tags=["workflows"])
TaskType = Literal["build", "test", "deploy", "health_check", "prepare", "custom", "deploy_green", "switch_traffic", "cleanup_blue"]
MOST_TASKS = 500
Blockers = Annotated[list[Id], Field(max_length=MOST_TASKS)]


def blockers(depends_on: list[str] | None, block_by: str | list[str] | None) -> tuple[str, ...] | None:
    """`depends_on` (S1: a list) and `block_by` (S4: a text with commas) say the same; None: neither is there."""
    split = [part.strip() for part in block_by.split(",") if part.strip()] if isinstance(block_by, str) else block_by
    if depends_on is not None and split is not None and sorted(depends_on) != sorted(split):
        raise ValueError("depends_on and block_by contradict each other")
    found = depends_on if depends_on is not None else split
    return None if found is None else tuple(dict.fromkeys(found))


class Blocked(Body):
    depends_on: Blockers | None = None
    block_by: Blockers | Annotated[str, Field(max_length=60_000)] | None = None

    @model_validator(mode="after")
    def agree(self) -> "Blocked":
        blockers(self.depends_on, self.block_by)
        return self

    @property
    def blockers(self) -> tuple[str, ...] | None:
        return blockers(self.depends_on, self.block_by)


class WorkflowTask(Blocked):
    """A new task has an id of its own choosing, which others may name, or none."""

    id: Annotated[str, Field(max_length=100)] = ""
    name: Name
    type: TaskType
    order: int | None = Field(None, ge=0, le=100_000)
    application_id: Id | None = Field(None, validation_alias=AliasChoices("application_id", "applicationId", "app_id", "appId"))
    config: Config | None = None
    require_confirm: bool | None = None

    def edited(self) -> EditedTask:
        return EditedTask(self.id, self.type, self.name, self.application_id or "", self.blockers or (), self.config, self.require_confirm)


class Workflow(Body):
    tasks: Annotated[list[WorkflowTask], Field(min_length=1, max_length=MOST_TASKS)]


@router.get("/deployments/{id}/workflow")
async def get_workflow(call: OneCall, id: str) -> Response:
    return shown(await call.read.workflow(id))


@s3.get("/workflows/{id}")
async def get_workflow_by_its_id(call: OneCall, id: str) -> Response:
    return shown(await call.read.workflow(id))


@router.put("/deployments/{id}/workflow")
async def edit_workflow(call: OneCall, id: str, body: Workflow) -> Response:
    """The whole workflow as it shall be: what is not in it is removed. `order` says where a task stands in the list."""
    ordered = sorted(body.tasks, key=lambda task: task.order if task.order is not None else 0)
    done = await call.services.deployments.edit(call.caller, id, tuple(task.edited() for task in ordered), call.seen)
    return await call.said(done, {"success": True, "message": "工作流已更新"})
