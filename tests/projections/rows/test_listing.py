"""Lists: pages and cursors, totals, times."""

import base64
from datetime import UTC, timedelta

import pytest
from psycopg_pool import AsyncConnectionPool

from domain.deployment.values import TaskSpec
from domain.errors import Invalid
from domain.version.events import VersionCreated, VersionDeleted
from projections.engine.listing import cursor_of
from projections.queries import get_version, list_audit_logs, list_tasks, list_versions
from tests.projections.facts import fact, planned


def versions(count: int):
    return [fact(VersionCreated, f"ver_{n}", git_tag=f"v{n}", git_commit="abc", repository="r") for n in range(count)]


def workflows(count: int, size: int):
    """Deployments whose tasks have one place in the log, and an order in the workflow."""
    for n in range(count):
        yield planned(f"dep_{n}", tasks=tuple(TaskSpec(id=f"task_{n}_{i}", type="build", name="b", application_id="app_1") for i in range(size)))


async def by_page(ask, pool, size: int) -> list:
    found, page = [], 1
    while rows := (await ask(pool, page=page, page_size=size))[0]:
        found += rows
        page += 1
    return found


async def by_cursor(ask, pool, size: int) -> list:
    found, after = [], None
    while True:
        rows, _, after = await ask(pool, page_size=size, after=after)
        found += rows
        if after is None:
            return found


@pytest.mark.parametrize("size", [1, 3, 4, 12, 100])
@pytest.mark.parametrize("ask", [list_tasks, list_versions, list_audit_logs])
async def test_cursors_and_pages_give_the_same_rows_in_the_same_order(given, pool, ask, size):
    given(*versions(12), *workflows(3, 4))
    by_both = await by_page(ask, pool, size), await by_cursor(ask, pool, size)
    assert by_both[0] == by_both[1]
    assert len(by_both[0]) == (await ask(pool))[1]


async def test_the_order_is_the_newest_first(given, pool):
    given(*versions(3), *workflows(2, 2))
    assert [row["id"] for row in (await list_versions(pool))[0]] == ["ver_2", "ver_1", "ver_0"]
    assert [row["id"] for row in (await list_tasks(pool))[0]] == ["task_1_0", "task_1_1", "task_0_0", "task_0_1"]


async def test_a_cursor_stays_where_it_is_when_rows_come_and_go_before_it(given, pool):
    given(*versions(6))
    _, _, after = await list_versions(pool, page_size=2)
    given(fact(VersionDeleted, "ver_5"), fact(VersionCreated, "ver_9", git_tag="v9", git_commit="abc", repository="r"))
    rows, total, _ = await list_versions(pool, page_size=2, after=after)
    assert ([row["id"] for row in rows], total) == (["ver_3", "ver_2"], 6)


async def test_a_page_also_tells_the_cursor_behind_it(given, pool):
    given(*versions(5))
    _, _, after = await list_versions(pool, page=2, page_size=2)
    rows, _, end = await list_versions(pool, page=9999, page_size=2, after=after)  # the cursor goes before the page
    assert ([row["id"] for row in rows], end) == (["ver_0"], None)


async def test_a_page_behind_the_end_is_empty_and_knows_the_total(given, pool):
    given(*versions(2))
    assert await list_versions(pool, page=3, page_size=2) == ([], 2, None)


@pytest.mark.parametrize(("asked", "field"), [
    ({"page": 0}, "page"), ({"page": 101, "page_size": 100}, "page"), ({"page_size": 0}, "page_size"), ({"page_size": 101}, "page_size"),
    ({"after": "nonsense"}, "after"), ({"after": "é"}, "after"), ({"after": "A"}, "after"), ({"after": cursor_of("tasks", [1, 2])}, "after"),
    ({"after": cursor_of("versions", [1, 2])}, "after"), ({"after": cursor_of("versions", [2**63])}, "after"),
    ({"after": base64.urlsafe_b64encode(b"versions:1; drop table versions").decode()}, "after"),
])
async def test_a_request_that_can_never_be_right_names_its_field(pool, asked, field):
    with pytest.raises(Invalid) as refused:
        await list_versions(pool, **asked)
    assert refused.value.details == {"field": field}


async def test_the_deepest_page_is_there(given, pool):
    given(*versions(1))
    assert (await list_versions(pool, page=100, page_size=100))[:2] == ([], 1)


async def test_times_are_in_utc_whatever_the_connection_s_zone_is(given, database):
    given(*versions(1))
    there = {"options": "-c timezone=Asia/Shanghai -c search_path=views"}
    async with AsyncConnectionPool(database, min_size=1, max_size=1, open=False, kwargs=there) as pool:
        found = await get_version(pool, "ver_0")
    assert found["created_at"].tzinfo is UTC
    assert found["created_at"].utcoffset() == timedelta(0)


async def test_a_cursor_is_answered_from_an_index(given, pool, admin):
    """Constant cost, however deep: no scan and no sort."""
    given(*versions(3))
    admin.execute("set enable_seqscan = off; set enable_bitmapscan = off; set enable_sort = off")  # as if the tables were large
    plan = admin.execute("explain select * from versions t where t.deleted_at is null and (t.created_position) < (5) "
                         "order by t.created_position desc limit 21").fetchall()
    assert "Index Scan Backward using versions_newest" in plan[1][0], plan
    plan = admin.execute("explain select * from tasks t where true and (t.created_position, -t.ord) < (5, -1) "
                         "order by t.created_position desc, -t.ord desc limit 21").fetchall()
    assert "Index Scan Backward using tasks_newest" in plan[1][0], plan
