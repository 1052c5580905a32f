"""Questions about changes."""

from psycopg_pool import AsyncConnectionPool

from projections.engine.listing import Page, Row, View
from projections.users.people import join_person, printed

CHANGES = View(
    name="changes", table="changes",
    columns=f"""t.id, t.title, t.description, t.type, t.status, t.applicant_id, {printed("t.applicant_id")} as created_by, t.approver_id,
                case when t.approver_id is not null then {printed("t.approver_id", "a")} end as approved_by, t.payload,
                nullif(t.plan_digest, '') as plan_digest, nullif(t.deployment_id, '') as deployment_id, t.comment, t.error as error_message,
                t.created_at, t.updated_at, t.submitted_at, t.decided_at, t.completed_at, t.stream_version, t.position""",
    joins=f"{join_person('t.applicant_id')} {join_person('t.approver_id', 'a')}",
)


async def list_changes(pool: AsyncConnectionPool, status: str | None = None, type: str | None = None, applicant_id: str | None = None, *,
                       page: int = 1, page_size: int = 20, after: str | None = None) -> Page:
    filters = [("t.status = %s", status), ("t.type = %s", type), ("t.applicant_id = %s", applicant_id)]
    return await CHANGES.page(pool, filters, page, page_size, after)


async def get_change(pool: AsyncConnectionPool, id: str) -> Row | None:
    return await CHANGES.one(pool, id)
