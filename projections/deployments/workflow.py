"""A deployment seen as a workflow, how far it has come, and who needs what."""

from typing import Any

from psycopg_pool import AsyncConnectionPool

from projections.deployments.queries import OPEN
from projections.engine.listing import Row, fetch
from projections.tasks.queries import get_task

WORKFLOW = """
select t.id as deployment_id, t.phase, t.error_message, t.status, t.created_at, t.updated_at, t.stream_version
  from deployments t where t.id = %s"""
NODES = """
select id, type, depends_on, config, array_to_string(depends_on, ',') as block_by, name, status, application_id, require_confirm
  from tasks where deployment_id = %s order by ord"""
PROGRESS = """
select t.id as deployment_id, t.status, w.total_tasks, w.completed_tasks, w.failed_tasks, w.current,
       coalesce(100 * w.completed_tasks / nullif(w.total_tasks, 0), 0)::int as percent
  from deployments t
 cross join lateral (
   select count(*)::int as total_tasks, count(*) filter (where status in ('success', 'rolled_back'))::int as completed_tasks,
          count(*) filter (where status = 'failed')::int as failed_tasks, (array_agg(id order by ord) filter (where status = 'running'))[1] as current
     from tasks where deployment_id = t.id) w
 where t.id = %s"""
NEEDED = """(t.environment_id = %(id)s or %(id)s = any(t.application_ids)
             or exists (select from json_each_text(t.versions) v where v.value = %(id)s))"""
USED_BY = f"""
select t.id from deployments t where t.phase = any(%(open)s) and {NEEDED}
 union
select l.lane_id from environment_lane l join deployments t on t.id = l.deployment_id where {NEEDED}
 order by 1"""


async def deployment_workflow(pool: AsyncConnectionPool, id: str) -> dict[str, Any] | None:
    """`id`: the deployment's, or its workflow's (`wf_…`). `status` is one of pending, running, success, failed, cancelled."""
    found = await fetch(pool, WORKFLOW, ["dep_" + id.removeprefix("wf_") if id.startswith("wf_") else id])
    if not found:
        return None
    head = found[0]
    return {
        "workflow_id": "wf_" + head["deployment_id"].partition("_")[2], "deployment_id": head["deployment_id"], "status": workflow_status(head),
        "tasks": await fetch(pool, NODES, [head["deployment_id"]]), "created_at": head["created_at"], "updated_at": head["updated_at"],
        "stream_version": head["stream_version"],
    }


def workflow_status(row: Row) -> str:
    """What was rolled back later had ended before, well or badly."""
    if row["phase"] == "cancelled":
        return "cancelled"
    if row["phase"] == "rolled_back":
        return "failed" if row["error_message"] else "success"
    return str(row["status"])


async def deployment_progress(pool: AsyncConnectionPool, id: str) -> Row | None:
    """Counts, and the first task that runs (`current_task`) or None."""
    found = await fetch(pool, PROGRESS, [id])
    if not found:
        return None
    current = found[0].pop("current")
    return {**found[0], "current_task": await get_task(pool, current) if current else None}


async def used_by(pool: AsyncConnectionPool, id: str) -> list[str]:
    """Ids of unfinished deployments, and of lanes in which somebody is or waits, that need this version, application or environment."""
    return [row["id"] for row in await fetch(pool, USED_BY, {"id": id, "open": list(OPEN)})]
