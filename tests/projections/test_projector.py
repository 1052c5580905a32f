"""The projector: each fact once and in order, whatever is wrong with one of them and whoever else projects."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from domain.notification.events import NotificationFailed, NotificationRequested
from domain.task.events import TaskFailed
from domain.user.events import UserCreated
from domain.version.events import VersionCreated, VersionDeleted
from projections.catalogue import PROJECTIONS
from projections.engine.check import check
from projections.engine.projector import OutOfStep, Projector
from tests.projections.facts import fact, history, planned, reader, recorded, samples, unreadable


def version(stream: str = "ver_1", **fields):
    return fact(VersionCreated, stream, **{"git_tag": "v1", "git_commit": "abc", "repository": "https://example.org/r", **fields})


def user(stream: str, username: str = "ann"):
    return fact(UserCreated, stream, username=username, email="", roles=("admin",))


def rows(admin: psycopg.Connection, query: str) -> list[tuple]:
    return admin.execute(query).fetchall()


def quarantine(admin: psycopg.Connection) -> list[tuple]:
    return rows(admin, "select projection, position, stream, topic from quarantine order by position, projection")


def test_a_batch_moves_tables_and_position_together(projector: Projector, admin: psycopg.Connection):
    assert projector.position == 0
    assert projector.apply(recorded(version(), user("usr_1"))) == 2
    assert projector.position == 2
    assert rows(admin, "select id, position, stream_version from versions") == [("ver_1", 1, 1)]
    assert rows(admin, "select position, action from audit_logs order by 1") == [(1, "version.created"), (2, "user.created")]


def test_an_empty_batch_and_one_that_is_known_change_nothing(projector: Projector, admin: psycopg.Connection):
    batch = recorded(version())
    assert projector.apply([]) == 0
    assert projector.apply(batch) == projector.apply(batch) == 1
    assert rows(admin, "select count(*) from audit_logs") == [(1,)]
    assert quarantine(admin) == []


def test_a_batch_that_is_known_in_part_is_applied_from_where_the_tables_stand(projector: Projector, admin: psycopg.Connection):
    records = recorded(version(), user("usr_1"), fact(VersionDeleted, "ver_1"))
    projector.apply(records[:2])
    assert projector.apply(records) == 3
    assert rows(admin, "select count(*) from audit_logs") == [(3,)]
    assert quarantine(admin) == []


def test_a_batch_that_does_not_follow_is_refused(projector: Projector):
    with pytest.raises(OutOfStep, match="stand at 0, the batch begins at 2"):
        projector.apply(recorded(version(), after=1))
    with pytest.raises(ValueError, match="without gaps"):
        projector.apply([recorded(version())[0], recorded(version("ver_2"), after=2)[0]])


def test_each_kind_of_fact_reaches_its_tables(projector: Projector, admin: psycopg.Connection):
    projector.apply(recorded(*samples()))
    assert quarantine(admin) == []
    for table in ("users", "tokens", "versions", "applications", "environments", "environment_installed", "deployments", "tasks", "changes",
                  "notifications", "deliveries", "audit_logs"):
        assert rows(admin, f"select count(*) > 0 from {table}") == [(True,)], table


def test_a_fact_that_the_database_refuses_is_put_aside_and_the_others_go_on(projector: Projector, admin: psycopg.Connection):
    projector.apply(recorded(version("ver_1"), version("ver_1"), version("ver_2", pull_request=2**70), version("ver_3")))
    assert rows(admin, "select id from versions order by 1") == [("ver_1",), ("ver_3",)]
    assert quarantine(admin) == [("versions", 2, "ver_1", "version.created"), ("versions", 3, "ver_2", "version.created")]
    assert rows(admin, "select count(*) from audit_logs") == [(4,)]  # another projection's rows are there all the same
    assert projector.position == 4
    assert projector.quarantined == 2


def test_a_refused_fact_leaves_nothing_of_itself_in_its_projection(projector: Projector, admin: psycopg.Connection):
    plan = planned(tasks=())
    good, bad = planned("dep_1").tasks[0], planned("dep_1").tasks[1]
    projector.apply(recorded(plan, planned("dep_2", tasks=(good, bad, good))))
    assert rows(admin, "select count(*) from tasks") == [(0,)]
    assert quarantine(admin) == [("tasks", 2, "dep_2", "deployment.created")]


def test_a_fact_over_which_a_projection_stumbles_is_put_aside_and_the_others_go_on(database: str, admin: psycopg.Connection):
    def stumble(recorded):
        if recorded.event.stream == "ver_2":
            raise ZeroDivisionError("a bug\0")
        return by_name["versions"].project(recorded)

    by_name = {projection.name: projection for projection in PROJECTIONS}
    projector = Projector(database, [replace(by_name["versions"], project=stumble), by_name["audit_logs"]])
    projector.apply(recorded(version("ver_1"), version("ver_2"), version("ver_3")))
    projector.close()
    assert rows(admin, "select id from versions order by 1") == [("ver_1",), ("ver_3",)]
    assert rows(admin, "select position, error from quarantine") == [(2, "ZeroDivisionError: a bug\ufffd")]
    assert rows(admin, "select count(*) from audit_logs") == [(3,)]


def test_what_cannot_be_read_is_put_aside_by_each_projection_but_audited(projector: Projector, admin: psycopg.Connection):
    projector.apply([*recorded(version("ver_1")), unreadable(2), *recorded(version("ver_3"), after=2)])
    assert {name for name, position, _, topic in quarantine(admin) if (position, topic) == (2, "deployment.teleported")} == {
        projection.name for projection in PROJECTIONS} - {"audit_logs"}
    assert rows(admin, "select id from versions order by 1") == [("ver_1",), ("ver_3",)]
    assert rows(admin, "select user_id, action, details->>'unreadable' from audit_logs where position = 2") == [
        ("usr_ann", "deployment.teleported", "no event has the topic")]


def test_a_database_that_is_away_is_not_the_facts_fault(projector: Projector, admin: psycopg.Connection, database: str):
    projector.apply(recorded(version()))
    admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
    batch = recorded(version("ver_2"), after=1)
    with pytest.raises(psycopg.OperationalError):
        projector.apply(batch)
    assert projector.apply(batch) == 2  # on a new connection
    assert quarantine(admin) == []


def test_a_table_that_is_held_is_not_the_facts_fault(projector: Projector, admin: psycopg.Connection):
    projector.apply(recorded(version()))
    projector._connection().execute("set lock_timeout = 50")
    with admin.transaction():
        admin.execute("lock table versions in exclusive mode")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            projector.apply(recorded(version("ver_2"), after=1))
    assert projector.apply(recorded(version("ver_2"), after=1)) == 2
    assert quarantine(admin) == []


def test_several_projectors_that_race_apply_each_fact_once(database: str, admin: psycopg.Connection):
    records = history(seed=1, size=600)

    def race(size: int) -> int:
        projector, position = Projector(database, PROJECTIONS), 0
        while position < len(records):
            position = projector.apply(records[position:position + size])
        projector.close()
        return position

    with ThreadPoolExecutor() as threads:
        assert list(threads.map(race, (7, 11, 50), timeout=60)) == [600, 600, 600]
    assert rows(admin, "select count(*), max(position) from audit_logs") == [(600, 600)]
    assert check(database, reader(records), PROJECTIONS).ok


def test_the_server_s_role_is_enough(database: str, admin: psycopg.Connection):
    projector = Projector(make_conninfo(database, options="-c role=tiangong_server"), PROJECTIONS)
    projector.apply([*recorded(version()), unreadable(2)])
    projector.close()
    assert rows(admin, "select id from versions") == [("ver_1",)]


def test_every_batch_is_announced_after_its_commit(projector: Projector, admin: psycopg.Connection):
    admin.execute("listen projected")
    projector.apply(recorded(version(), user("usr_1")))
    assert [notice.payload for notice in admin.notifies(timeout=5, stop_after=1)] == ["2"]


def test_a_new_connection_announces_what_the_one_before_may_have_left_unsaid(projector: Projector, admin: psycopg.Connection):
    projector.apply(recorded(version(), user("usr_1")))
    projector.close()
    admin.execute("listen projected")
    assert projector.position == 2
    assert [notice.payload for notice in admin.notifies(timeout=5, stop_after=1)] == ["2"]


def test_what_was_found_done_by_a_connection_that_is_gone_is_announced(projector: Projector, database: str, admin: psycopg.Connection):
    """It was still being stored when the new connection was made."""
    assert projector.position == 0
    before = Projector(database, PROJECTIONS)
    before.apply(recorded(version(), user("usr_1")))
    before.close()
    admin.execute("listen projected")
    assert projector.apply(recorded(version(), user("usr_1"))) == 2
    assert [notice.payload for notice in admin.notifies(timeout=5, stop_after=1)] == ["2"]


def test_long_words_and_large_numbers_do_no_harm(projector: Projector, admin: psycopg.Connection):
    asked = fact(NotificationRequested, "ntf_1", rule="r", severity="s", channel="log", destination="d", deployment_id="", task_id="",
                 subject="s" * 100_000, text="t" * 1_000_000)
    projector.apply(recorded(asked, fact(NotificationFailed, "ntf_1", error="e", tries=2**40), version(pull_request=2**62)))
    assert quarantine(admin) == [("notifications", 2, "ntf_1", "notification.failed")]
    assert rows(admin, "select length(text), tries, pull_request from notifications, versions") == [(1_000_000, 0, 2**62)]


def test_a_task_s_end_is_not_lost_because_its_words_hold_a_null_character(projector: Projector, admin: psycopg.Connection):
    projector.apply(recorded(planned(), fact(TaskFailed, "task_1", attempt=1, token=1, error="core\0dump")))
    assert rows(admin, "select status, error_message from tasks where id = 'task_1'") == [("failed", "core\ufffddump")]
