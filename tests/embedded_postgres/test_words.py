"""When PostgreSQL cannot start, its own words reach the reader; and its log stays below a bound."""

from pathlib import Path

import psycopg
import pytest

from adapters.embedded_postgres import EmbeddedPostgresError
from adapters.embedded_postgres.log_file import LogFile, LogKeeper
from tests.embedded_postgres.conftest import Make
from tests.embedded_postgres.support import AS_ROOT, Owner, ask, count
from tests.support.waiting import wait_until

# a disk of its own, seen by this process and its children only
OWN = (*AS_ROOT, "--mount")
SMALL_DISK = 'mount -t tmpfs -o size=20m,mode=0700 none "$0" && exec "$@"'
FULL_DISK = 'mount -t tmpfs -o size=100m,mode=0700 none "$0" && cp -a "$0"-full "$0"/postgres && { cat /dev/zero > "$0"/zeros 2>&-; exec "$@"; }'


def test_too_little_shared_memory_is_told_in_postgres_words(data: Path, server_on: Make):
    server = server_on(data)
    ask(server.start(), "alter system set shared_buffers = '4000GB'")
    server.stop()
    with pytest.raises(EmbeddedPostgresError, match=r"did not start(?s:.*)could not map anonymous shared memory: Cannot allocate(?s:.*)HINT"):
        server.start()
    (data / "cluster/postgresql.auto.conf").write_text("")
    assert count(server.start()) == 1


def test_words_of_an_earlier_start_are_not_told_again(data: Path, server_on: Make):
    (data / "cluster/postgresql.auto.conf").write_text("no_such_setting = on\n")
    for _ in range(2):
        with pytest.raises(EmbeddedPostgresError, match="unrecognized configuration parameter") as said:
            server_on(data).start()
        assert str(said.value).count("unrecognized") == 1


def test_a_disk_too_small_for_a_database_is_told(home: Path):
    with Owner(home / "postgres", before=(*OWN, "sh", "-c", SMALL_DISK, str(home))) as owner:
        said = owner.said()["error"]
    assert "making the database" in said
    assert "No space left on device" in said


def test_a_full_disk_is_told(home: Path, data: Path):
    (home / "disk").mkdir()
    data.rename(home / "disk-full")
    with Owner(home / "disk/postgres", before=(*OWN, "sh", "-c", FULL_DISK, str(home / "disk"))) as owner:
        said = owner.said()["error"]
    assert "No space left on device" in said or "its disk has 0 bytes left" in said


def test_the_log_is_kept_below_its_bound_while_the_server_writes(data: Path, server_on: Make):
    conninfo = server_on(data).start()
    log = LogFile(data / "server.log", bound=2000)
    while log.size() <= 2000:
        fail(conninfo, "before")
    log.trim()
    fail(conninfo, "after")
    assert "before" in (data / "server.log.1").read_text()
    assert (data / "server.log").read_bytes().startswith(b"20"), "it goes on at the start of the file"
    assert "after" in log.tail()
    assert "before" not in log.tail()


def fail(conninfo: str, word: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection, pytest.raises(psycopg.errors.RaiseException):
        connection.execute(f"do $$ begin raise exception '{word}'; end $$")


def test_a_keeper_trims_while_its_owner_lives(tmp_path: Path):
    log = LogFile(tmp_path / "server.log", bound=100)
    (tmp_path / "server.log").write_bytes(b"x" * 1000)
    keeper = LogKeeper(log, every=0.01)
    wait_until(lambda: log.size() == 0)
    keeper.stop()
    assert (tmp_path / "server.log.1").read_bytes() == b"x" * 200


def test_a_link_in_the_place_of_the_log_is_not_followed(data: Path, tmp_path: Path, server_on: Make):
    (tmp_path / "precious").write_text("dear")
    (data / "server.log").unlink()
    (data / "server.log").symlink_to(tmp_path / "precious")
    with pytest.raises(EmbeddedPostgresError, match=r"server\.log"):
        server_on(data).start()
    assert (tmp_path / "precious").read_text() == "dear"


def test_statements_are_not_written_into_the_log(data: Path, server_on: Make):
    conninfo = server_on(data).start()
    with psycopg.connect(conninfo, autocommit=True) as connection, pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("insert into nowhere values ('swordfish')")
    assert "swordfish" not in (data / "server.log").read_text()
    assert "nowhere" in (data / "server.log").read_text()
