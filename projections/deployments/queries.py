"""Questions about deployments, as REST v1 prints them: `status` has five words, `phase` is exact."""

from collections.abc import Sequence

from psycopg_pool import AsyncConnectionPool

from projections.changes.approval import APPROVED_AT, APPROVED_BY, JOIN_APPROVAL
from projections.deployments.project import COUNTED
from projections.engine.listing import Page, Row, View
from projections.tasks.queries import tasks_of
from projections.users.people import join_person, printed

CANCELLED = "Deployment cancelled by user"
STATUSES = ("pending", "running", "success", "failed", "rolled_back")
"""REST v1's words: `running` and `failed` stand for two phases each."""
OPEN = ("pending", "running", "waiting_confirm")
ERROR = f"""case when t.phase = 'cancelled' then '{CANCELLED}'
                 else concat_ws('; ', nullif(t.error_message, ''), nullif(t.rollback_error, '')) end"""
TASKS = """
  left join lateral (
    select count(*) as total, count(*) filter (where status in ('success', 'rolled_back')) as completed,
           json_object_agg(application_id, artifact) filter (where artifact is not null) as built
      from tasks where deployment_id = t.id) w on true"""


def printed_deployment(row: Row) -> Row:
    """Puts together what belongs to each application."""
    known = {**row.pop("packages"), **(row.pop("built") or {})}
    row["artifacts"] = [
        {"application_id": app, "version_id": version, "digest": None, "name": None, "size": None, **known.get(app, {})}
        for app, version in row.pop("versions").items()]
    return row


DEPLOYMENTS = View(
    name="deployments", table="deployments", tidy=printed_deployment, counted=COUNTED, filtered=("(t.created_position + 0)",),
    columns=f"""t.id, nullif(t.version_id, '') as version_id, t.git_tag as version, t.git_commit, t.repository, t.application_ids,
                t.application_names as applications, t.environment_id, array[t.environment_id] as environment_ids,
                array[t.environment_name] as environments, t.status, t.phase, t.waiting_for,
                {printed("t.created_by")} as created_by, t.created_at, t.updated_at, t.started_at, t.completed_at, {ERROR} as error_message,
                null as release_id, null as plan, t.versions, t.artifacts as packages, w.built,
                coalesce(100 * w.completed / nullif(w.total, 0), 0)::int as progress, t.must_in_order, t.manual_approval, t.auto_start,
                t.auto_rollback, t.timeout, t.deadline, t.release_number, t.manual_approval as require_confirm, false as grayscale_enabled,
                null as grayscale_ratio, extract(epoch from t.completed_at - t.started_at)::float8 as duration,
                nullif(t.cancel_reason, '') as cancel_reason, nullif(t.rollback_of, '') as rollback_of,
                nullif(t.rollback_id, '') as rollback_id, nullif(t.change_id, '') as change_id, nullif(t.decision, '') as decision,
                nullif(t.decision_reason, '') as decision_reason,
                case when t.confirmed_by is not null then {printed("t.confirmed_by", "c")} end as confirmed_by, t.confirmed_at,
                {APPROVED_BY} as approved_by, {APPROVED_AT} as approved_at, t.stream_version, t.position""",
    joins=f"{join_person('t.created_by')} {join_person('t.confirmed_by', 'c')} {JOIN_APPROVAL} {TASKS}",
)


async def list_deployments(pool: AsyncConnectionPool, status: str | None = None, environment_id: str | None = None, version_id: str | None = None,
                           *, page: int = 1, page_size: int = 20, after: str | None = None) -> Page:
    """`status`: one of REST's five words, or a phase."""
    by_status = "t.status = %s" if status in STATUSES else "t.phase = %s"
    filters = [(by_status, status), ("t.environment_id = %s", environment_id), ("t.version_id = %s", version_id)]
    return await DEPLOYMENTS.page(pool, filters, page, page_size, after)


async def get_deployment(pool: AsyncConnectionPool, id: str) -> Row | None:
    """With its `tasks`."""
    found = await DEPLOYMENTS.one(pool, id)
    if found:
        found["tasks"] = await tasks_of(pool, id)
    return found


async def unfinished_deployments(pool: AsyncConnectionPool) -> list[Row]:
    return await DEPLOYMENTS.some(pool, [("t.phase = any(%s)", list(OPEN))])


async def last_success(pool: AsyncConnectionPool, environment_id: str, application_id: str, *, other_than: Sequence[str] = ()) -> Row | None:
    """The deployment of the application that succeeded there last and was not rolled back."""
    filters = [("t.environment_id = %s", environment_id), ("%s = any(t.application_ids)", application_id), ("t.id <> all(%s)", list(other_than))]
    found = await DEPLOYMENTS.some(pool, [*filters, ("t.phase = %s", "success")], order="t.completed_at desc, t.created_position desc", limit=1)
    return found[0] if found else None
