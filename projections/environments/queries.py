"""Questions about environments. A deleted one is in no list and cannot be read."""

from typing import Any

from psycopg_pool import AsyncConnectionPool

from projections.changes.approval import APPROVED_AT, APPROVED_BY, JOIN_APPROVAL
from projections.engine.listing import Page, Row, View, fetch
from projections.users.people import join_person, printed

ENVIRONMENTS = View(
    name="environments", table="environments", shown="t.deleted_at is null",
    columns="""t.id, t.name, t.type, t.config, t.is_active, t.created_at, t.updated_at, t.status, t.message, t.checked_at, null as lock,
               t.stream_version, t.position""",
)
INSTALLED = f"""
select i.environment_id, i.application_id, t.application_names[array_position(t.application_ids, i.application_id)] as application, i.deployment_id,
       i.version_id, i.git_tag, i.git_commit, i.artifact, i.since, {printed("t.created_by")} as created_by, nullif(t.change_id, '') as change_id,
       {APPROVED_BY} as approved_by, {APPROVED_AT} as approved_at
  from environment_installed i left join deployments t on t.id = i.deployment_id
  {join_person("t.created_by")} {join_person("t.confirmed_by", "c")} {JOIN_APPROVAL}
 where i.environment_id = any(%s) order by i.application_id"""
LANE = """
select environment_id, deployment_id, application_ids, inside, number, behind, since
  from environment_lane where environment_id = any(%s) order by position"""


async def list_environments(pool: AsyncConnectionPool, type: str | None = None, is_active: bool | None = None, *, page: int = 1,
                            page_size: int = 20, after: str | None = None) -> Page:
    rows, total, following = await ENVIRONMENTS.page(pool, [("t.type = %s", type), ("t.is_active = %s", is_active)], page, page_size, after)
    return await with_what_happens(pool, rows), total, following


async def get_environment(pool: AsyncConnectionPool, id: str) -> Row | None:
    found = await ENVIRONMENTS.one(pool, id)
    return (await with_what_happens(pool, [found]))[0] if found else None


async def with_what_happens(pool: AsyncConnectionPool, rows: list[Row]) -> list[Row]:
    """Beside each environment: `installed` (what runs there now, per application, by whose wish and with whose word) and `lane` (deployments
    `inside` and `waiting`)."""
    ids = [row["id"] for row in rows]
    installed, lane = by_environment(await fetch(pool, INSTALLED, [ids])), by_environment(await fetch(pool, LANE, [ids]))
    for row in rows:
        places = lane.get(row["id"], [])
        row["installed"] = installed.get(row["id"], [])
        row["lane"] = {
            "inside": [only(place, "deployment_id", "application_ids", "number", "since") for place in places if place["inside"]],
            "waiting": [only(place, "deployment_id", "application_ids", "behind", "since") for place in places if not place["inside"]],
        }
    return rows


def by_environment(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.pop("environment_id"), []).append(row)
    return found


def only(row: Row, *keys: str) -> dict[str, Any]:
    return {key: row[key] for key in keys}
