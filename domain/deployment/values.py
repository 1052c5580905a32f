"""The values that a deployment's events carry."""

from domain.event import Json, Value
from domain.task.values import Source

TASK_TYPES = frozenset({"build", "test", "deploy", "health_check", "prepare", "custom", "deploy_green", "switch_traffic", "cleanup_blue"})


class TaskSpec(Value, frozen=True, kw_only=True):
    """One node of the workflow."""

    id: str
    type: str
    name: str
    application_id: str
    depends_on: tuple[str, ...] = ()
    config: Json = {}
    require_confirm: bool = False
    """A person must agree before it runs."""


class AppSnapshot(Value, frozen=True, kw_only=True):
    """An application as it was when the deployment was made."""

    id: str
    name: str
    repository: str
    config: Json
    source: Source | None = None
    """The version to install, where it is not the deployment's own (a rollback of applications that ran different versions)."""
