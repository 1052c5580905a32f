"""Questions about the audit: who did what, when, to what, and from where."""

from datetime import datetime

from psycopg_pool import AsyncConnectionPool

from projections.audit_logs.project import COUNTED
from projections.engine.listing import Page, Row, View
from projections.users.people import join_person, printed

Moment = datetime | int
"""A time, or a position of the log."""

AUDIT_LOGS = View(
    name="audit_logs", table="audit_logs", key=("t.position",), filtered=("(t.position + 0)",), counted=COUNTED,
    columns=f"""t.position, t.user_id, {printed("t.user_id")} as username, t.action, t.resource, t.resource_id, t.timestamp, t.source_ip,
                t.request_id, t.details, t.resource_version, t.command_id::text, t.correlation_id::text, t.causation_id::text, t.recorded_at""",
    joins=join_person("t.user_id"),
)


async def list_audit_logs(
    pool: AsyncConnectionPool, user_id: str | None = None, action: str | None = None, resource: str | None = None, from_: Moment | None = None,
    to: Moment | None = None, *, resource_id: str | None = None, page: int = 1, page_size: int = 20, after: str | None = None,
) -> Page:
    """`from_` and `to` belong to what they bound."""
    filters = [("t.user_id = %s", user_id), ("t.action = %s", action), ("t.resource = %s", resource), ("t.resource_id = %s", resource_id),
               (f"{measured(from_)} >= %s", from_), (f"{measured(to)} <= %s", to)]
    return await AUDIT_LOGS.page(pool, filters, page, page_size, after)


async def get_audit_log(pool: AsyncConnectionPool, position: int) -> Row | None:
    found = await AUDIT_LOGS.some(pool, [("t.position = %s", position)])
    return found[0] if found else None


def measured(moment: Moment | None) -> str:
    return "t.position" if isinstance(moment, int) else "t.timestamp"
