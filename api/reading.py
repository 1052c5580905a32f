"""The one way to the read models: every question of REST, GraphQL and WebSocket is asked here, and here it is decided who may ask it."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.database import Pool
from api.past import how_it_was
from api.services import Services
from application.ports.audit import Wanted
from domain.access import Actor, require
from domain.errors import Invalid, NotFound
from projections.applications.queries import APPLICATIONS as APPLICATION_VIEW
from projections.changes.queries import CHANGES as CHANGE_VIEW
from projections.deployments.queries import DEPLOYMENTS as DEPLOYMENT_VIEW
from projections.engine.listing import Page, Row, View
from projections.queries import (
    causes,
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
    printed_names,
)
from projections.task_logs.queries import ends, last_lines, lines
from projections.tasks.queries import TASKS as TASK_VIEW
from projections.versions.queries import VERSIONS as VERSION_VIEW

__all__ = ["Kind", "Listing", "LogPage", "Reading", "Row"]
LAST_LINES = 100


async def list_by_phase(pool: Pool, phase: str | None = None, environment_id: str | None = None, version_id: str | None = None, *,
                        page: int, page_size: int, after: str | None) -> Page:
    """Deployments by their exact phase, where REST's `status` has five words."""
    filters = [("t.phase = %s", phase), ("t.environment_id = %s", environment_id), ("t.version_id = %s", version_id)]
    return await DEPLOYMENT_VIEW.page(pool, filters, page, page_size, after)


async def deployment_with_logs(pool: Pool, id: str) -> Row | None:
    """With its tasks, and of each its last log lines as strings (S4)."""
    row = await get_deployment(pool, id)
    if row is not None:
        logs = await last_lines(pool, [task["id"] for task in row["tasks"]], LAST_LINES)
        for task in row["tasks"]:
            task["logs"] = [line["message"] for line in logs.get(task["id"], ())]
    return row


@dataclass(frozen=True)
class Kind:
    """A kind of thing that can be listed and shown. `list` answers rows, how many there are, and the cursor behind them."""

    plural: str
    singular: str
    action: str
    list: Callable[..., Awaitable[Page]]
    one: Callable[..., Awaitable[Row | None]]
    view: View | None = None
    """Where `one` asks nothing else: many can be asked for at once then."""


VERSIONS = Kind("versions", "version", "version:read", list_versions, get_version, VERSION_VIEW)
APPLICATIONS = Kind("applications", "application", "application:read", list_applications, get_application, APPLICATION_VIEW)
ENVIRONMENTS = Kind("environments", "environment", "environment:read", list_environments, get_environment)
DEPLOYMENTS = Kind("deployments", "deployment", "deployment:read", list_deployments, deployment_with_logs)
PLAIN_DEPLOYMENTS = Kind("deployments", "deployment", "deployment:read", list_by_phase, get_deployment)
"""Without log lines, and by phase."""
TASKS = Kind("tasks", "task", "task:read", list_tasks, get_task)
CHANGES = Kind("changes", "change", "change:read", list_changes, get_change, CHANGE_VIEW)
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
    action: str
    """What one must be allowed to do to see it."""


@dataclass(frozen=True)
class LogPage:
    """Some lines of one attempt's log."""

    task_id: str
    attempt: int
    """0: there is no log yet."""
    lines: list[Row]
    next_seq: int
    """The number of the line that comes next."""
    closed: bool
    """These are the last lines there are."""
    complete: bool
    """Closed, and nothing in the log is missing."""


class Reading:
    """Reading by one actor. Raises Forbidden, NotFound, and Invalid for a filter or a cursor that means nothing."""

    def __init__(self, services: Services, actor: Actor) -> None:
        self._services, self._actor = services, actor

    async def page(self, kind: Kind, /, **asked: Any) -> Listing:
        """`asked`: the filters of the kind's list, and `page`, `page_size`, `after`."""
        require(self._actor, kind.action)
        if strange := [name for name, value in asked.items() if isinstance(value, str) and "\0" in value]:
            raise Invalid("a NUL character means nothing here", field=strange[0])
        return Listing(kind.plural, *await kind.list(self._services.pool, **asked), kind.action)

    async def one(self, kind: Kind, id: str) -> Row:
        require(self._actor, kind.action)
        return found(await kind.one(self._services.pool, id) if "\0" not in id else None, kind.singular, id)

    async def past(self, kind: Kind, id: str, at: int | datetime) -> tuple[Row, int]:
        """How it was then, and the log's position then."""
        require(self._actor, kind.action)
        return await how_it_was(self._services, kind.singular, kind.one, id, at)

    async def workflow(self, id: str) -> Row:
        require(self._actor, "deployment:read")
        return found(await deployment_workflow(self._services.pool, id), "workflow", id)

    async def progress(self, id: str) -> Row:
        require(self._actor, "deployment:read")
        return found(await deployment_progress(self._services.pool, id), "deployment", id)

    async def deployment_of(self, task: str) -> str:
        """The deployment that a task belongs to."""
        return str((await self.one(TASKS, task))["deployment_id"])

    async def logs(self, task: str, attempt: int | None, after_seq: int, level: str | None, limit: int) -> LogPage:
        """The attempt's state is read before its lines: a log that was closed by then has no other lines."""
        require(self._actor, "task:read")
        return await self._log_page(task, await ends(self._services.pool, [task]), attempt, after_seq, level, limit)

    async def deployment_logs(self, id: str, level: str | None, limit: int) -> list[LogPage]:
        """The first pages of the logs of its tasks, in the workflow's order, until they have more than `limit` lines together."""
        tasks = [task["id"] for task in (await self.one(PLAIN_DEPLOYMENTS, id))["tasks"]]
        known, pages, rest = await ends(self._services.pool, tasks), list[LogPage](), limit + 1
        for task in tasks:
            pages.append(await self._log_page(task, [end for end in known if end["task_id"] == task], None, 0, level, max(rest, 1)))
            rest -= len(pages[-1].lines)
            if rest <= 0:
                break
        return pages

    async def _log_page(self, task: str, attempts: list[Row], attempt: int | None, after_seq: int, level: str | None, limit: int) -> LogPage:
        known = {end["attempt"]: end for end in attempts}
        attempt = attempt or max(known, default=0)
        found = await lines(self._services.pool, task, attempt, after_seq, level, limit) if attempt else []
        end = known.get(attempt, {"closed_at": None, "complete": False})
        closed = end["closed_at"] is not None and len(found) < limit
        next_seq = end["lines"] + 1 if closed else found[-1]["seq"] + 1 if found else after_seq + 1
        return LogPage(task, attempt, found, next_seq, closed, closed and end["complete"])

    async def tasks_of(self, deployments: Sequence[str]) -> dict[str, list[Row]]:
        """The tasks of each deployment, in its workflow's order."""
        require(self._actor, "task:read")
        found: dict[str, list[Row]] = {}
        for task in await TASK_VIEW.some(self._services.pool, [("t.deployment_id = any(%s)", list(deployments))], order="t.ord"):
            found.setdefault(task["deployment_id"], []).append(task)
        return found

    async def last_lines(self, tasks: Sequence[str]) -> dict[str, list[Row]]:
        require(self._actor, "task:read")
        return await last_lines(self._services.pool, list(set(tasks)), LAST_LINES)  # a task named twice would have its lines twice

    async def audit_file(self, wanted: Wanted, form: str) -> Iterator[bytes]:
        """A piece of the log as a file, made bit by bit. Nothing is opened before the first is asked for."""
        require(self._actor, "audit:read")
        if form == "csv":
            return self._services.audit_files.csv(wanted, await printed_names(self._services.pool))
        return self._services.audit_files.jsonl(wanted)

    async def causes(self, position: int) -> list[Row]:
        """The way from a fact back to its first cause."""
        require(self._actor, "audit:read")
        steps = await causes(self._services.pool, position)
        if not steps:
            raise NotFound(f"there is no audit log {position}")
        return steps

    async def me(self) -> Row:
        """Everybody may know who they are."""
        return found(await get_user(self._services.pool, self._actor.id), "user", self._actor.id)


def found(row: Row | None, what: str, id: str) -> Row:
    if row is None:
        raise NotFound(f"there is no {what} {id}")
    return row
