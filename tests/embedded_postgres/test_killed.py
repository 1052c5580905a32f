"""SIGKILL, to each part of it: what was committed is there again."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.embedded_postgres.layout import Layout
from adapters.embedded_postgres.presence import look
from tests.embedded_postgres.conftest import Make
from tests.embedded_postgres.support import Owner, ask, count, insert, kill_all
from tests.support.waiting import wait_until


@contextmanager
def half_a_transaction(conninfo: str) -> Iterator[None]:
    with closing(psycopg.connect(conninfo)) as connection:
        connection.execute("insert into kept default values")
        yield


def pid_of(server: EmbeddedPostgres) -> int:
    assert server.pid
    return server.pid


def test_a_killed_postmaster_is_followed_at_once_though_its_zombie_still_has_the_pid(data: Path, server_on: Make):
    first = server_on(data)
    conninfo = first.start()
    insert(conninfo)
    pid = pid_of(first)
    with half_a_transaction(conninfo):
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: first.pid is None)
        second = server_on(data)  # `first` does not look after its child, which stays a zombie
        assert count(second.start()) == 2
    assert Path(f"/proc/{pid}").exists()
    assert pid_of(second) != pid


def test_the_same_object_starts_again_after_its_server_was_killed(data: Path, server_on: Make):
    server = server_on(data)
    for rows in range(1, 4):
        conninfo = server.start()
        assert count(conninfo) == rows
        insert(conninfo)
        os.kill(pid_of(server), signal.SIGKILL)


def test_all_processes_killed_at_once(data: Path, server_on: Make):
    server = server_on(data)
    conninfo = server.start()
    insert(conninfo)
    with half_a_transaction(conninfo):
        kill_all(data)
    assert count(server.start()) == 2


def test_a_killed_session_is_the_servers_own_affair(data: Path, server_on: Make):
    server = server_on(data)
    conninfo = server.start()
    pid = pid_of(server)
    with closing(psycopg.connect(conninfo)) as connection:
        connection.execute("select 1")
        os.kill(connection.info.backend_pid, signal.SIGKILL)
        wait_until(lambda: "database system is ready" in (data / "server.log").read_text().partition("was terminated by signal 9")[2])
    assert count(server.start()) == 1
    assert pid_of(server) == pid


@pytest.fixture
def orphaned(data: Path, server_on: Make) -> Iterator[EmbeddedPostgres]:
    """A server whose postmaster was killed while a session computes without end."""
    server = server_on(data)
    with closing(psycopg.connect(server.start(), autocommit=True)) as connection:
        busy = connection.info.backend_pid
        connection.pgconn.send_query(b"do $$ begin loop end loop; end $$")
        wait_until(lambda: ask(server.start(), f"select state from pg_stat_activity where pid = {busy}") == "active")
        os.kill(pid_of(server), signal.SIGKILL)
        wait_until(lambda: look(Layout(data)).processes == {busy})
        yield server


def test_a_session_that_outlives_its_postmaster_is_ended_before_the_next_server_starts(data: Path, orphaned: EmbeddedPostgres):
    before = look(Layout(data)).processes
    assert count(orphaned.start()) == 1
    assert not before & look(Layout(data)).processes


def test_a_session_that_outlives_its_postmaster_is_ended_by_a_stop(data: Path, orphaned: EmbeddedPostgres):
    orphaned.stop()
    assert not look(Layout(data)).processes


def test_a_server_whose_owner_was_killed_is_taken_over_and_can_be_stopped(data: Path, server_on: Make):
    with Owner(data) as owner:
        said = owner.said()
        owner.kill()
    server = server_on(data)
    assert (server.start(), server.pid) == (said["conninfo"], said["pid"])
    server.stop()
    assert server.pid is None


def test_a_stop_without_a_start_ends_what_a_killed_owner_left(data: Path, server_on: Make):
    with Owner(data) as owner:
        owner.said()
        owner.kill()
    server = server_on(data)
    assert server.pid
    server.stop()
    assert server.pid is None


def test_owner_and_server_killed_together(data: Path, server_on: Make):
    with Owner(data) as owner:
        insert(owner.said()["conninfo"])
        owner.kill()
        kill_all(data)
    assert count(server_on(data).start()) == 2


def test_ctrl_c_in_the_owners_terminal_does_not_reach_the_server(data: Path, server_on: Make):
    with Owner(data) as owner:
        said = owner.said()
        os.killpg(owner.process.pid, signal.SIGINT)
        assert owner.process.wait(timeout=10) != 0
    assert count(said["conninfo"]) == 1
    server = server_on(data)
    assert (server.start(), server.pid) == (said["conninfo"], said["pid"])


@pytest.mark.parametrize("damage", ["", "garbage\n"])
def test_a_living_server_without_a_proper_pid_file_is_replaced(damage: str, data: Path, server_on: Make):
    first = server_on(data)  # it would end itself within a minute: PostgreSQL looks after its pid file
    insert(first.start())
    before = pid_of(first)
    (data / "cluster/postmaster.pid").write_text(damage)
    second = server_on(data)
    assert count(second.start()) == 2
    assert pid_of(second) != before


def test_a_server_whose_socket_was_deleted_is_replaced(data: Path, server_on: Make):
    first = server_on(data)
    insert(first.start())
    before = pid_of(first)
    (data / "socket/.s.PGSQL.5432").unlink()
    second = server_on(data)
    assert count(second.start()) == 2
    assert pid_of(second) != before
