"""Questions about notifications."""

from psycopg_pool import AsyncConnectionPool

from projections.engine.listing import Page, Row, View

NOTIFICATIONS = View(
    name="notifications", table="notifications",
    columns="""t.id, t.rule, t.severity, t.channel, t.destination, nullif(t.deployment_id, '') as deployment_id, nullif(t.task_id, '') as task_id,
               t.subject, t.text, t.status, t.receipt, t.tries, t.possibly_repeated, t.error, t.created_at, t.updated_at, t.sent_at,
               t.stream_version, t.position""",
)


async def list_notifications(pool: AsyncConnectionPool, status: str | None = None, deployment_id: str | None = None, *, page: int = 1,
                             page_size: int = 20, after: str | None = None) -> Page:
    return await NOTIFICATIONS.page(pool, [("t.status = %s", status), ("t.deployment_id = %s", deployment_id)], page, page_size, after)


async def get_notification(pool: AsyncConnectionPool, id: str) -> Row | None:
    return await NOTIFICATIONS.one(pool, id)
