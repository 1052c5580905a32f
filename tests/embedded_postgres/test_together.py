"""Several processes on the same data: one server, and the last out stops it."""

from pathlib import Path

import pytest

from adapters.embedded_postgres import EmbeddedPostgresError
from adapters.embedded_postgres.deadline import Deadline
from adapters.embedded_postgres.locks import alone
from tests.embedded_postgres.conftest import Make
from tests.embedded_postgres.support import Owner, count, insert


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
