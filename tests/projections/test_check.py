"""`check`: the read models against the log."""

import threading

import psycopg
import pytest

from projections.catalogue import PROJECTIONS
from projections.engine.check import check
from projections.engine.projector import Projector
from projections.engine.replay import LogTooShort
from tests.projections.facts import history, planned, reader, recorded, samples, started, unreadable


def tables(admin: psycopg.Connection) -> set[str]:
    return {name for (name,) in admin.execute("select relname from pg_class where relnamespace = 'views'::regnamespace and relkind = 'r'")}


@pytest.mark.parametrize("seed", range(5))
def test_any_history_is_what_the_log_says_also_where_facts_were_put_aside(projector: Projector, database: str, admin, seed: int):
    records = history(seed, 400)
    records[77:78] = [unreadable(78)]
    for size, first in ((1, 0), (99, 1), (300, 100)):
        projector.apply(records[first:first + size])
    report = check(database, reader(records), PROJECTIONS)
    assert report.ok, report.first_difference
    assert report.position == 400
    assert projector.quarantined > 10
    assert {table.table for table in report.tables} == tables(admin)
    assert {table.table: table.rows for table in report.tables}["audit_logs"] == 400


def test_it_replays_no_further_than_the_read_models_stand(projector: Projector, database: str):
    records = recorded(*samples())
    projector.apply(records[:20])
    report = check(database, reader(records), PROJECTIONS)
    assert (report.ok, report.position) == (True, 20)


def test_nothing_is_as_the_log_says_before_the_first_fact(database: str):
    report = check(database, reader([]), PROJECTIONS)
    assert (report.ok, report.position) == (True, 0)


@pytest.mark.parametrize(("tampering", "differ"), [
    ("update deployments set phase = 'success' where id = 'dep_1'", "deployments deployments_counts"),
    ("update deployments_counts set n = n + 1 where counted = 0", "deployments_counts"),
    ("update tasks set name = name || ' ' where id = 'task_2'", "tasks"),
    ("update audit_logs set user_id = 'usr_eve' where position = 2", "audit_logs audit_logs_counts"),
    ("update audit_logs set timestamp = timestamp + interval '1 microsecond' where position = 2", "audit_logs"),
    ("update tasks set config = '{ }' where id = 'task_2'", "tasks"),
    ("delete from tasks where id = 'task_3'", "tasks tasks_counts"),
    ("insert into tokens select 'tok_9', 'usr_9', 'stolen', null, null, '', 'usr_9', now(), now(), 1, 1, 1", "tokens"),
    ("insert into quarantine values ('tasks', 1, 'dep_1', 'deployment.created', 'not true', now())", "quarantine"),
    ("update built set fingerprint = 'older' where projection = 'users'", "built"),
    ("create table more (id int)", "more"),
    ("drop table notifications", "notifications"),
])
def test_what_differs_in_any_table_is_found(projector: Projector, database: str, admin, tampering: str, differ: str):
    records = recorded(planned(), started())
    projector.apply(records)
    admin.execute(tampering)
    report = check(database, reader(records), PROJECTIONS)
    assert not report.ok
    assert [each.table for each in report.tables if not each.ok] == differ.split()
    assert report.first_difference.table == differ.split()[0]


def test_the_first_difference_is_shown_from_both_sides(projector: Projector, database: str, admin):
    records = recorded(planned(), started())
    projector.apply(records)
    admin.execute("update tasks set status = 'success' where id = 'task_1'")
    found = check(database, reader(records), PROJECTIONS).first_difference
    assert found.only_live.startswith("(task_1,dep_1")
    assert ",success," in found.only_live
    assert ",pending," in found.only_replayed
    assert "only in the read model: (task_1" in str(found)


def test_a_doubled_row_is_a_difference(projector: Projector, database: str, admin):
    records = recorded(planned(), started())
    projector.apply(records)
    admin.execute("alter table audit_logs drop constraint audit_logs_pkey; insert into audit_logs select * from audit_logs where position = 1")
    found = check(database, reader(records), PROJECTIONS).first_difference
    assert (found.table, found.only_replayed) == ("audit_logs", None)


def test_a_log_that_is_shorter_than_the_read_models_is_another_log(projector: Projector, database: str):
    records = recorded(planned(), started())
    projector.apply(records)
    with pytest.raises(LogTooShort, match="stand at 2, the log ends at 1"):
        check(database, reader(records[:1]), PROJECTIONS)


def test_nothing_is_left_behind_and_nobody_waits_meanwhile(projector: Projector, database: str, admin):
    """While a check stands still in the middle of its replay, a projector goes on; the check still compares what it saw first."""
    records = recorded(*samples())
    projector.apply(records[:10])
    reached, go_on = threading.Event(), threading.Event()

    def read(conn, after, limit):
        reached.set()
        assert go_on.wait(10)
        return records[after:after + limit]

    reports = []
    checking = threading.Thread(target=lambda: reports.append(check(database, read, PROJECTIONS)))
    checking.start()
    assert reached.wait(10)
    assert projector.apply(records[10:]) == len(records)
    go_on.set()
    checking.join(30)
    assert (reports[0].ok, reports[0].position) == (True, 10)
    assert admin.execute("select nspname from pg_namespace where nspname like 'shadow%'").fetchall() == []
