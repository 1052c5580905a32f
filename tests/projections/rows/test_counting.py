"""Totals of lists: kept beside the tables, and always what counting would give."""

import asyncio
from collections.abc import Iterator
from itertools import product

import hypothesis
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from domain.deployment.events import DeploymentCancelled, DeploymentSucceeded
from domain.event import Event
from projections.audit_logs.project import COUNTED as AUDIT_LOGS
from projections.audit_logs.queries import AUDIT_LOGS as AUDIT_VIEW
from projections.catalogue import PROJECTIONS
from projections.deployments.project import COUNTED as DEPLOYMENTS
from projections.deployments.queries import DEPLOYMENTS as DEPLOYMENT_VIEW
from projections.engine.check import check
from projections.engine.projector import Projector
from projections.engine.rebuild import rebuild
from projections.queries import list_audit_logs, list_deployments, list_tasks
from projections.tasks.project import COUNTED as TASKS
from projections.tasks.queries import TASKS as TASK_VIEW
from tests.bench.listed import fill
from tests.projections.facts import fact, history, planned, reader, recorded, started
from tests.support.postgres import Databases

TABLES = (DEPLOYMENTS, AUDIT_LOGS, TASKS)
VIEWS = {"deployments": DEPLOYMENT_VIEW, "audit_logs": AUDIT_VIEW, "tasks": TASK_VIEW}
ASKED = {"status": "failed", "phase": "cancelled", "environment_id": "env_2", "version_id": "ver_3", "user_id": "usr_9", "action": "task.failed",
         "resource": "environment", "type": "build"}
STATUSES = ("pending", "running", "waiting_confirm", "success", "failed", "cancelled", "rolled_back")


def bare(number: int) -> Event:
    return planned(f"dep_{number}", tasks=())


def kept(conn: psycopg.Connection) -> dict[str, list[tuple]]:
    return {each.table: conn.execute(f"select * from {each.counts} order by 1, 2, 3".encode()).fetchall() for each in TABLES}


def counted(conn: psycopg.Connection) -> dict[str, list[tuple]]:
    """The same, by counting."""
    found = {}
    for each in TABLES:
        parts = [f"select {number}, {', '.join(name if name in columns else EMPTY for name in each.columns)}, count(*) from {each.table} "
                 f"group by 1{''.join(f', {place}' for place in range(2, len(each.columns) + 2))}" for number, columns in enumerate(each.by)]
        found[each.table] = sorted(conn.execute(" union all ".join(parts).encode()).fetchall())
    return found


EMPTY = "''"


def must_agree(conn: psycopg.Connection) -> None:
    known = {table: sorted(rows) for table, rows in kept(conn).items()}
    assert known == counted(conn)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@hypothesis.given(seed=st.integers(0, 10**6), size=st.integers(1, 150), batch=st.integers(1, 60))
def test_after_any_history_in_any_batches_they_are_what_counting_gives(database: str, seed: int, size: int, batch: int):
    """Quarantined facts among them: there, the batch is taken back and written fact by fact."""
    projector, records = Projector(database, PROJECTIONS), history(seed, size)
    with psycopg.connect(database, autocommit=True, options="-c search_path=views") as conn:
        empty(conn)
        for start in range(0, size, batch):
            projector.apply(records[start:start + batch])
        must_agree(conn)
    projector.close()


def empty(conn: psycopg.Connection) -> None:
    """By rows: the counts follow, and have none left."""
    for (table,) in conn.execute("select relname from pg_class where relnamespace = 'views'::regnamespace and relkind = 'r'").fetchall():
        if table != "positions" and not table.endswith("_counts"):
            conn.execute(f"delete from {table}".encode())
    conn.execute("update positions set position = 0")
    assert not any(kept(conn).values())


def test_a_batch_with_a_fact_that_is_refused_counts_the_others(projector: Projector, admin: psycopg.Connection):
    records = recorded(planned("dep_1"), planned("dep_1"), planned("dep_2"))  # the second breaks the key
    projector.apply(records)
    assert projector.quarantined
    must_agree(admin)
    assert admin.execute("select sum(n) from deployments_counts where counted = 0").fetchone() == (2,)


def test_after_a_rebuild_the_new_tables_keep_counting_in_their_place(projector: Projector, database: str, admin: psycopg.Connection):
    records = history(5, 300)
    projector.apply(records[:200])
    admin.execute("update deployments_counts set n = n + 7; delete from audit_logs_counts")
    rebuild(database, reader(records), PROJECTIONS)
    must_agree(admin)
    projector.apply(records[200:])
    must_agree(admin)
    assert check(database, reader(records), PROJECTIONS).ok
    found = admin.execute("select distinct n.nspname from pg_proc p join pg_namespace n on n.oid = p.pronamespace where proname like 'count\\_%'")
    assert found.fetchall() == [("views",)]


def test_whoever_moves_or_deletes_rows_by_hand_is_counted_too(given, admin: psycopg.Connection):
    given(bare(1), bare(2), started("dep_1"))
    admin.execute("update deployments set environment_id = 'env_9' where id = 'dep_2'; delete from deployments where id = 'dep_1'")
    must_agree(admin)
    assert admin.execute("select environment_id, phase, n from deployments_counts where counted = 1").fetchall() == [("env_9", "pending", 1)]


async def test_a_list_s_total_is_that_of_its_rows_for_every_filter(given, pool):
    given(*(bare(n) for n in range(9)), *(started(f"dep_{n}") for n in range(2, 9)),
                *(fact(DeploymentSucceeded, f"dep_{n}") for n in (3, 4)), fact(DeploymentCancelled, "dep_5", reason="no"))
    for status, environment, version in product((None, *STATUSES), (None, "env_1", "env_2"), (None, "ver_1", "ver_2")):
        rows, total, _ = await list_deployments(pool, status, environment, version, page_size=100)
        assert total == len(rows), (status, environment, version)
    totals = [(await list_deployments(pool, status))[1] for status in (None, "pending", "running", "success", "failed", "cancelled")]
    assert totals == [9, 2, 4, 2, 1, 1]


async def test_totals_of_tasks_and_of_the_audit(given, pool):
    given(*(bare(n) for n in range(3)), planned("dep_9"), started("dep_9"))
    for asked in ({}, {"status": "pending"}, {"type": "deploy"}, {"status": "blocked", "type": "deploy"}, {"deployment_id": "dep_9"}):
        rows, total, _ = await list_tasks(pool, **asked, page_size=100)
        assert total == len(rows), asked
    for asked in ({}, {"action": "deployment.created"}, {"resource": "deployment"}, {"user_id": "usr_ann"}, {"resource_id": "dep_9"}, {"to": 3},
                  {"user_id": "usr_ann", "action": "deployment.started"}):
        rows, total, _ = await list_audit_logs(pool, **asked, page_size=100)
        assert total == len(rows) > 0, asked


async def test_a_cursor_comes_to_each_row_once_while_rows_are_added_and_change(given, pool):
    given(*(bare(n) for n in range(30)))
    seen, after, more = [], None, iter(range(30, 60))
    while True:
        rows, _, after = await list_deployments(pool, environment_id="env_1", page_size=4, after=after)
        seen += [row["id"] for row in rows]
        if after is None:
            break
        await asyncio.to_thread(given, bare(next(more)), started(seen[-1]))
    assert seen == [f"dep_{n}" for n in range(29, -1, -1)]


@pytest.fixture(scope="module")
def large(databases: Databases) -> Iterator[psycopg.Connection]:
    """On tables in which a scan would cost more than a walk."""
    conninfo = databases.create()
    with psycopg.connect(conninfo, autocommit=True, options="-c search_path=views") as conn:
        fill(conninfo, 10_000, tasks=1, audit=10_000)
        yield conn
    databases.drop(conninfo)


@pytest.mark.parametrize(("view", "asked", "index"), [
    ("deployments", [], "deployments_newest"), ("deployments", ["status"], "deployments_in_status"),
    ("deployments", ["phase"], "deployments_in_phase"),
    ("deployments", ["environment_id"], "deployments_of_environment"), ("deployments", ["version_id"], "deployments_of_version"),
    ("deployments", ["status", "environment_id"], "deployments_of_environment_in_status"),
    ("audit_logs", [], "audit_logs_pkey"), ("audit_logs", ["user_id"], "audit_logs_of_user"), ("audit_logs", ["action"], "audit_logs_of_action"),
    ("audit_logs", ["resource"], "audit_logs_of_resource"),
    ("tasks", [], "tasks_newest"), ("tasks", ["status"], "tasks_in_status"), ("tasks", ["type"], "tasks_of_type"),
])
def test_each_filter_is_one_walk_through_its_own_index(large: psycopg.Connection, view: str, asked: list[str], index: str):
    """By page and by cursor: nothing is left out on the way, nothing is sorted, however many rows there are."""
    found = VIEWS[view]
    for by_cursor, bounds in ((False, []), (True, [10**6] * len(found.key))):
        values = [ASKED[name] for name in asked]
        query = found.statement(tuple(f"t.{name} = %s" for name in asked), 21, by_cursor=by_cursor)
        plan = "\n".join(line for (line,) in large.execute(f"explain {query}".encode(), [*values, *values, *bounds]).fetchall())
        walk = plan.partition("Limit")[2].partition("Materialize")[0].partition("Hash")[0]
        assert f"using {index} on {found.table}" in walk, plan
        assert "Sort" not in walk, plan
        assert f"Seq Scan on {found.table} " not in plan, plan
