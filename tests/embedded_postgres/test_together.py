"""Several processes on the same data: one server, and the last out stops it."""

import subprocess
from pathlib import Path

import pytest

from adapters.embedded_postgres import EmbeddedPostgresError
from adapters.embedded_postgres.binaries import find_binaries
from adapters.embedded_postgres.deadline import Deadline
from adapters.embedded_postgres.identity import ENVIRONMENT, choose_identity
from adapters.embedded_postgres.layout import Layout
from adapters.embedded_postgres.locks import alone
from adapters.embedded_postgres.presence import look
from tests.embedded_postgres.conftest import Make
from tests.embedded_postgres.support import AS_ROOT, Owner, count, insert
from tests.support.waiting import wait_until


@pytest.mark.parametrize("fresh", [True, False], ids=["fresh", "existing"])
def test_starts_at_once_end_up_with_one_server(fresh: bool, home: Path, data: Path, server_on: Make):
    folder = home / "fresh" if fresh else data
    with Owner(folder) as one, Owner(folder) as two, Owner(folder) as three:
        said = [owner.said() for owner in (one, two, three)]
        assert said[0] == said[1] == said[2]
        insert(said[0]["conninfo"])
        assert one.finish() == two.finish() == 0
        assert count(said[0]["conninfo"]) == (1 if fresh else 2), "still there for the third"
        assert three.finish() == 0
    assert server_on(folder).pid is None


def test_a_killed_user_no_longer_counts(data: Path, server_on: Make):
    server = server_on(data)
    with Owner(data) as other:
        assert other.said()["conninfo"] == server.start()
        other.kill()
    server.stop()
    assert server.pid is None


def test_a_start_that_cannot_have_its_turn_says_so(data: Path, server_on: Make):
    with alone(data / "start.lock", Deadline(1)), pytest.raises(EmbeddedPostgresError, match=r"another process has been.*fuser .*start\.lock"):
        server_on(data, deadline=0.2).start()


def test_a_server_that_was_started_by_hand_is_taken_over_and_stopped(data: Path, server_on: Make):
    layout, postgres = Layout(data), find_binaries().postgres
    identity = choose_identity(data, layout.cluster, postgres)
    (data / "socket").mkdir(mode=0o700)
    by_hand = subprocess.Popen(
        [*identity.prefix, postgres, "-D", layout.cluster, "-k", data / "socket", "-c", "listen_addresses="],
        env=ENVIRONMENT, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_until(lambda: look(layout).postmaster)
        server = server_on(data)
        assert count(server.start()) == 1
        assert server.pid == by_hand.pid
        server.stop()
        assert by_hand.wait(timeout=10) == 0
    finally:
        by_hand.kill()
        by_hand.wait()


def test_a_server_in_another_container_is_waited_for_and_not_harmed(data: Path, server_on: Make):
    conninfo = server_on(data).start()
    pid_file = (data / "cluster/postmaster.pid").read_text()
    with Owner(data, "--deadline", "1", before=(*AS_ROOT, "--pid", "--fork", "--mount-proc")) as blind:  # it sees only its own processes
        assert "accepts no connections after 1 s: it has no postmaster. End what still runs there" in blind.said()["error"]
    assert (data / "cluster/postmaster.pid").read_text() == pid_file
    assert count(conninfo) == 1


def test_a_process_of_another_program_in_the_clusters_folder_is_left_alone(data: Path, server_on: Make):
    visitor = subprocess.Popen(["sleep", "60"], cwd=data / "cluster")
    try:
        server = server_on(data)
        assert count(server.start()) == 1
        server.stop()
        assert visitor.poll() is None
    finally:
        visitor.kill()
        visitor.wait()
