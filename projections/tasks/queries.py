"""Questions about tasks."""

from psycopg_pool import AsyncConnectionPool

from projections.engine.listing import Page, Row, View
from projections.tasks.printing import printed_task
from projections.tasks.project import COUNTED
from projections.users.people import join_person, printed

TASKS = View(
    name="tasks", table="tasks", key=("t.created_position", "-t.ord"), filtered=("(t.created_position + 0)", "-t.ord"), counted=COUNTED,
    tidy=printed_task,
    columns=f"""t.id, t.deployment_id, t.application_id, t.application_id as app_id, t.type, t.name, t.status, t.depends_on,
                array_to_string(t.depends_on, ',') as block_by, t.payload, t.result, t.artifact, t.waiting_for, t.attempt, t.outcome, t.message,
                t.error_message, t.require_confirm, case when t.confirmed_by is not null then {printed("t.confirmed_by")} end as confirmed_by,
                t.confirmed_at, t.worker, t.deadline, extract(epoch from t.completed_at - t.started_at)::float8 as duration,
                t.created_at, t.updated_at, t.started_at, t.completed_at, t.stream_version, t.position""",
    joins=join_person("t.confirmed_by"),
)


async def list_tasks(pool: AsyncConnectionPool, deployment_id: str | None = None, status: str | None = None, type: str | None = None, *,
                     page: int = 1, page_size: int = 20, after: str | None = None) -> Page:
    """Newest deployments first; the tasks of one stand in their workflow's order."""
    filters = [("t.deployment_id = %s", deployment_id), ("t.status = %s", status), ("t.type = %s", type)]
    return await TASKS.page(pool, filters, page, page_size, after)


async def get_task(pool: AsyncConnectionPool, id: str) -> Row | None:
    return await TASKS.one(pool, id)


async def tasks_of(pool: AsyncConnectionPool, deployment_id: str) -> list[Row]:
    """All tasks of a deployment, in the workflow's order."""
    return await TASKS.some(pool, [("t.deployment_id = %s", deployment_id)], order="t.ord")
