"""`rebuild`: read models made again from the log, while everybody goes on."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest

from domain.user.events import UserCreated
from projections.catalogue import PROJECTIONS
from projections.engine import rebuild as module
from projections.engine.built import stale
from projections.engine.check import check
from projections.engine.projector import Projector
from projections.engine.rebuild import Busy, rebuild, refresh
from projections.queries import get_deployment, list_audit_logs, list_deployments
from tests.projections.facts import fact, history, planned, reader, recorded, samples, started, unreadable


def test_read_models_that_were_damaged_are_as_the_log_says_again(projector: Projector, database: str, admin):
    records = history(3, 500)
    projector.apply(records)
    admin.execute("delete from tasks; update deployments set phase = 'success'; drop table audit_logs; delete from quarantine where position % 2 = 0")
    done = rebuild(database, reader(records), PROJECTIONS)
    assert (done.position, done.quarantined) == (500, projector.quarantined)
    assert check(database, reader(records), PROJECTIONS).ok
    assert admin.execute("select nspname from pg_namespace where nspname like 'shadow%'").fetchall() == []


def test_one_projection_is_rebuilt_and_the_others_are_not_touched(projector: Projector, database: str, admin):
    records = [*recorded(planned(), started()), unreadable(3)]
    projector.apply(records)
    admin.execute("delete from tasks; update audit_logs set user_id = 'usr_eve'")
    assert rebuild(database, reader(records), PROJECTIONS, ["tasks"]).projections == ("tasks",)
    assert [each.table for each in check(database, reader(records), PROJECTIONS).tables if not each.ok] == ["audit_logs", "audit_logs_counts"]
    assert admin.execute("select count(*) from tasks").fetchall() == [(3,)]


def test_the_projector_goes_on_with_the_new_tables(projector: Projector, database: str):
    records = history(4, 300)
    projector.apply(records[:200])
    rebuild(database, reader(records), PROJECTIONS)
    assert projector.position == 200  # no further than it had been
    projector.apply(records[200:])
    assert check(database, reader(records), PROJECTIONS).ok


def test_the_server_s_role_keeps_its_rights_and_gets_no_more(projector: Projector, database: str, admin):
    rights = """select table_name, privilege_type from information_schema.role_table_grants
                 where grantee = 'tiangong_server' and table_schema = 'views' order by 1, 2"""
    before = admin.execute(rights).fetchall()
    projector.apply(recorded(*samples()))
    rebuild(database, reader(recorded(*samples())), PROJECTIONS)
    assert admin.execute(rights).fetchall() == before
    assert ("audit_logs", "INSERT") in before


def test_an_unknown_name_is_refused_with_those_there_are(database: str):
    with pytest.raises(ValueError, match=r"no projection 'nonsense': there are users, versions"):
        rebuild(database, reader([]), PROJECTIONS, ["nonsense"])


def test_there_is_one_rebuild_at_a_time(database: str, admin):
    admin.execute("select pg_advisory_lock(%s)", (module.LOCK,))
    with pytest.raises(Busy, match="another rebuild"):
        rebuild(database, reader([]), PROJECTIONS)


def test_a_reader_that_does_not_let_go_is_waited_for_only_so_long_and_nothing_is_changed(projector: Projector, database: str, admin):
    records = recorded(*samples())
    projector.apply(records)
    with psycopg.connect(database) as slow:
        slow.execute("select count(*) from views.tasks")  # its transaction stays open
        with pytest.raises(Busy, match="did not let go"):
            rebuild(database, reader(records), PROJECTIONS, patience=0.1)
    assert check(database, reader(records), PROJECTIONS).ok
    rebuild(database, reader(records), PROJECTIONS)  # what the first try has left behind is no obstacle
    assert admin.execute("select nspname from pg_namespace where nspname like 'shadow%'").fetchall() == []


def test_what_was_applied_while_the_log_was_replayed_is_there_too(projector: Projector, database: str):
    records = history(5, 900)
    projector.apply(records[:500])
    meanwhile = iter((records[500:800], records[800:]))  # far enough for a second round, and near enough then

    def read(conn, after, limit):
        if batch := next(meanwhile, None):
            projector.apply(batch)
        return records[after:after + limit]

    done = rebuild(database, read, PROJECTIONS)
    assert done.position == projector.position == 900
    assert check(database, reader(records), PROJECTIONS).ok


def test_a_projector_that_never_rests_and_rebuilds_do_not_disturb_each_other(database: str):
    records, stop = history(6, 3000), threading.Event()

    def project() -> int:
        projector, position = Projector(database, PROJECTIONS), 0
        while position < len(records) and not stop.is_set():
            position = projector.apply(records[position:position + 5])
        projector.close()
        return position

    with ThreadPoolExecutor(1) as thread:
        projecting = thread.submit(project)
        positions = [rebuild(database, reader(records), PROJECTIONS).position for _ in range(4)]
        stop.set()
        end = projecting.result(60)
    assert positions == sorted(positions)
    assert positions[-1] <= end
    report = check(database, reader(records), PROJECTIONS)
    assert (report.ok, report.position) == (True, end), report.first_difference


def test_the_projector_waits_while_the_last_facts_are_replayed(projector: Projector, database: str):
    records = recorded(*samples())
    projector.apply(records[:20])
    projector._connection().execute("set lock_timeout = 50")

    def read(conn, after, limit):
        with pytest.raises(psycopg.errors.LockNotAvailable):
            projector.apply(records[20:])
        return records[after:after + limit]

    assert rebuild(database, read, PROJECTIONS).position == 20
    projector.apply(records[20:])
    assert check(database, reader(records), PROJECTIONS).ok


async def test_reads_go_on_while_tables_are_exchanged(projector: Projector, database: str, pool):
    users = [fact(UserCreated, f"usr_{n}", username=str(n), email="", roles=()) for n in range(40)]
    records = recorded(*users, *(planned(f"dep_{n}", tasks=()) for n in range(40)))
    projector.apply(records)
    stop, reads = threading.Event(), 0

    async def read_on() -> None:
        nonlocal reads
        while not stop.is_set():
            assert (await get_deployment(pool, "dep_7"))["phase"] == "pending"
            assert (await list_deployments(pool))[1] == 40
            assert (await list_audit_logs(pool))[1] == 80
            reads += 3

    readers = [asyncio.create_task(read_on()) for _ in range(3)]
    for _ in range(5):
        before = reads
        await asyncio.to_thread(rebuild, database, reader(records), PROJECTIONS)
        assert reads > before
    stop.set()
    await asyncio.gather(*readers)


def test_tables_made_by_other_code_are_found_and_made_again(projector: Projector, database: str, admin):
    records = recorded(*samples())
    projector.apply(records)
    assert stale(projector._connection(), PROJECTIONS) == []
    assert refresh(database, reader(records), PROJECTIONS) is None
    newer = [replace(p, fingerprint="newer") if p.name == "tasks" else p for p in PROJECTIONS]
    assert refresh(database, reader(records), newer).projections == ("tasks",)
    assert admin.execute("select fingerprint from built where projection = 'tasks'").fetchall() == [("newer",)]
    assert refresh(database, reader(records), newer) is None


def test_a_projection_that_a_release_adds_is_filled_from_the_beginning(database: str, admin):
    records = recorded(*samples())
    older = Projector(database, [p for p in PROJECTIONS if p.name != "tasks"])
    older.apply(records)
    older.close()
    assert refresh(database, reader(records), PROJECTIONS).projections == ("tasks",)
    assert check(database, reader(records), PROJECTIONS).ok


def test_nothing_is_stale_before_the_first_fact(projector: Projector):
    assert stale(projector._connection(), PROJECTIONS) == []
