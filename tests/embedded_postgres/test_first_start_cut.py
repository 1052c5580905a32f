"""A first start that was cut in the middle leaves nothing that the next one could take for a database."""

import os
import signal
from pathlib import Path

import pytest

from adapters.embedded_postgres import EmbeddedPostgresError
from tests.embedded_postgres.conftest import Make
from tests.embedded_postgres.support import Owner, insert
from tests.support.waiting import wait_until


def makers(data: Path) -> list[int]:
    """Pids of initdb and its children, by what they were asked to make."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = Path(f"/proc/{entry}/cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(data / "new-") in command:
            found.append(int(entry))
    return found


def half_made(data: Path) -> bool:
    return bool(list(data.glob("new-*/base/1")))


@pytest.mark.parametrize("who", ["initdb", "owner", "both"])
def test_a_first_start_killed_half_way_is_made_good_by_the_next(who: str, home: Path, server_on: Make):
    data = home / "postgres"
    with Owner(data) as owner:
        wait_until(lambda: half_made(data))
        if who != "initdb":
            owner.kill()
        for pid in makers(data) if who != "owner" else []:
            os.kill(pid, signal.SIGKILL)
        if who == "initdb":
            assert "making the database" in owner.said()["error"]
    assert not (data / "cluster").exists()
    server = server_on(data)
    insert(server.start())
    assert not list(data.glob("new-*"))


def test_a_first_start_that_takes_too_long_ends_what_it_began(home: Path, server_on: Make):
    with pytest.raises(EmbeddedPostgresError, match=r"took more than 0\.1 s.*longer deadline"):
        server_on(home / "postgres", deadline=0.1).start()
    wait_until(lambda: not makers(home / "postgres"))
    insert(server_on(home / "postgres").start())


def test_a_cluster_of_another_version_is_left_alone(data: Path, server_on: Make):
    (data / "cluster/PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedPostgresError, match="made by PostgreSQL 17, this release carries 18: dump it"):
        server_on(data).start()
    assert (data / "cluster/base").exists()


def test_a_cluster_folder_with_something_else_in_it_is_left_alone(home: Path, server_on: Make):
    (home / "postgres/cluster").mkdir(parents=True)
    (home / "postgres/cluster/letter.txt").write_text("dear")
    with pytest.raises(EmbeddedPostgresError, match="holds no PostgreSQL cluster: move it away"):
        server_on(home / "postgres").start()
    assert (home / "postgres/cluster/letter.txt").read_text() == "dear"
