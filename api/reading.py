"""The one way to the read models: every question of REST, GraphQL and WebSocket is asked here, and here it is decided who may ask it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from api.services import Services
from domain.access import Actor, require
from domain.errors import NotFound
from projections.queries import (
    deployment_progress,
    deployment_workflow,
    get_application,
    get_audit_log,
    get_change,
    get_delivery,
    get_deployment,
    get_environment,
    get_notification,
    get_task,
    get_token,
    get_user,
    get_version,
    list_applications,
    list_audit_logs,
    list_changes,
    list_deliveries,
    list_deployments,
    list_environments,
    list_notifications,
    list_tasks,
    list_tokens,
    list_users,
    list_versions,
)

Row = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind of thing that can be listed and shown. `list` answers rows, how many there are, and the cursor behind them."""

    plural: str
    singular: str
    action: str
    list: Callable[..., Awaitable[tuple[list[Row], int, str | None]]]
    one: Callable[..., Awaitable[Row | None]]


VERSIONS = Kind("versions", "version", "version:read", list_versions, get_version)
APPLICATIONS = Kind("applications", "application", "application:read", list_applications, get_application)
ENVIRONMENTS = Kind("environments", "environment", "environment:read", list_environments, get_environment)
DEPLOYMENTS = Kind("deployments", "deployment", "deployment:read", list_deployments, get_deployment)
TASKS = Kind("tasks", "task", "task:read", list_tasks, get_task)
CHANGES = Kind("changes", "change", "change:read", list_changes, get_change)
NOTIFICATIONS = Kind("notifications", "notification", "notification:read", list_notifications, get_notification)
DELIVERIES = Kind("webhook_deliveries", "webhook delivery", "delivery:read", list_deliveries, get_delivery)
AUDIT_LOGS = Kind("audit_logs", "audit log", "audit:read", list_audit_logs, get_audit_log)
USERS = Kind("users", "user", "user:read", list_users, get_user)
TOKENS = Kind("tokens", "token", "user:read", list_tokens, get_token)


@dataclass(frozen=True)
class Listing:
    name: str
    rows: list[Row]
    total: int
    next: str | None


class Reading:
    """Reading by one actor. Raises Forbidden, NotFound, and Invalid for a filter or a cursor that means nothing."""

    def __init__(self, services: Services, actor: Actor) -> None:
        self._services, self._actor = services, actor

    async def page(self, kind: Kind, /, **asked: Any) -> Listing:
        """`asked`: the filters of the kind's list, and `page`, `page_size`, `after`."""
        require(self._actor, kind.action)
        return Listing(kind.plural, *await kind.list(self._services.pool, **asked))

    async def one(self, kind: Kind, id: str) -> Row:
        require(self._actor, kind.action)
        return found(await kind.one(self._services.pool, id), kind.singular, id)

    async def workflow(self, id: str) -> Row:
        require(self._actor, "deployment:read")
        return found(await deployment_workflow(self._services.pool, id), "workflow", id)

    async def progress(self, id: str) -> Row:
        require(self._actor, "deployment:read")
        return found(await deployment_progress(self._services.pool, id), "deployment", id)

    async def me(self) -> Row:
        """Everybody may know who they are."""
        return found(await get_user(self._services.pool, self._actor.id), "user", self._actor.id)


def found(row: Row | None, what: str, id: str) -> Row:
    if row is None:
        raise NotFound(f"there is no {what} {id}")
    return row
