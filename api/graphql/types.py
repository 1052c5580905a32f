"""What GraphQL knows (S4's interfaces, in camelCase). Field names in Python are those of the read models' rows."""

from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

import strawberry
from strawberry.scalars import JSON

from api.graphql.context import Context
from api.reading import Row

Info = strawberry.Info[Context, None]


@strawberry.enum
class DeploymentStatus(Enum):
    pending = "pending"
    running = "running"
    waiting_confirm = "waiting_confirm"
    success = "success"
    failed = "failed"
    cancelled = "cancelled"
    rolled_back = "rolled_back"


@strawberry.enum
class TaskStatus(Enum):
    blocked = "blocked"
    pending = "pending"
    waiting_confirm = "waiting_confirm"
    running = "running"
    success = "success"
    failed = "failed"
    cancelled = "cancelled"
    rolled_back = "rolled_back"


@strawberry.enum
class TaskType(Enum):
    build = "build"
    test = "test"
    deploy = "deploy"
    health_check = "health_check"
    prepare = "prepare"
    custom = "custom"
    deploy_green = "deploy_green"
    switch_traffic = "switch_traffic"
    cleanup_blue = "cleanup_blue"


@strawberry.enum
class LogLevel(Enum):
    info = "info"
    warn = "warn"
    error = "error"


@strawberry.type
class TaskLog:
    seq: int
    timestamp: str
    level: LogLevel
    message: str


@strawberry.type
class DeploymentLog:
    task_id: strawberry.ID
    seq: int
    timestamp: str
    level: LogLevel
    message: str


@strawberry.type
class Task:
    id: strawberry.ID
    deployment_id: strawberry.ID
    app_id: strawberry.ID
    name: str
    type: TaskType
    status: TaskStatus
    depends_on: list[strawberry.ID]
    block_by: str
    payload: str
    result: str
    attempt: int
    outcome: str | None
    message: str
    error_message: str
    waiting_for: JSON | None
    require_confirm: bool
    confirmed_by: str | None
    confirmed_at: datetime | None
    duration: float | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    past: strawberry.Private[bool] = False

    @strawberry.field
    async def logs(self, info: Info) -> list[TaskLog]:
        """The last 100 lines of the newest attempt."""
        return [] if self.past else [made(TaskLog, line) for line in await info.context.last_lines(self.id)]


@strawberry.type
class Deployment:
    id: strawberry.ID
    version_id: strawberry.ID | None
    version: str
    git_commit: str
    repository: str
    application_ids: list[strawberry.ID]
    applications: list[str]
    environment_ids: list[strawberry.ID]
    environments: list[str]
    status: DeploymentStatus
    waiting_for: JSON | None
    progress: int
    error_message: str
    require_confirm: bool
    grayscale_enabled: bool
    grayscale_ratio: float | None
    must_in_order: list[strawberry.ID]
    manual_approval: bool
    auto_start: bool
    auto_rollback: bool
    rollback_of: strawberry.ID | None
    rollback_id: strawberry.ID | None
    change_id: strawberry.ID | None
    decision: str | None
    decision_reason: str | None
    confirmed_by: str | None
    confirmed_at: datetime | None
    approved_by: str | None
    approved_at: datetime | None
    created_by: str
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    deadline: datetime | None
    duration: float | None
    then: strawberry.Private[list[Task] | None] = None
    """Its tasks, of a deployment as it was."""

    @strawberry.field
    async def tasks(self, info: Info) -> list[Task]:
        return self.then if self.then is not None else [made(Task, row) for row in await info.context.tasks(self.id)]

    @strawberry.field
    async def logs(self, info: Info) -> list[DeploymentLog]:
        """The last 100 lines of each task's newest attempt, in the workflow's order."""
        if self.then is not None:
            return []
        tasks = await info.context.tasks(self.id)
        return [made(DeploymentLog, line, task_id=task["id"]) for task in tasks for line in await info.context.last_lines(task["id"])]


@strawberry.type
class DeploymentPage:
    deployments: list[Deployment]
    total: int
    page: int
    page_size: int
    next: str | None


T = TypeVar("T")
ENUMS: dict[tuple[type, str], type[Enum]] = {
    (Task, "type"): TaskType, (Task, "status"): TaskStatus, (TaskLog, "level"): LogLevel, (DeploymentLog, "level"): LogLevel,
    (Deployment, "status"): DeploymentStatus,
}


def made(cls: type[T], row: Row, **more: Any) -> T:
    """An object from a row that has a value for each of its plain fields."""
    values = {**row, **more}
    names = [field.name for field in cls.__strawberry_definition__.fields if field.base_resolver is None]  # type: ignore[attr-defined]
    return cls(**{name: ENUMS[cls, name](values[name]) if (cls, name) in ENUMS else values[name] for name in names})


def deployment(row: Row, past: bool = False) -> Deployment:
    """GraphQL's `status` is the exact phase."""
    found = made(Deployment, row, status=row["phase"])
    if past:
        found.then = [made(Task, task) for task in row["tasks"]]
        for task in found.then:
            task.past = True
    return found
