"""The second hand: a process that writes pages. Whatever becomes of it, each fact is in the tables once."""

import logging
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from projections.catalogue import PROJECTIONS
from projections.engine.ahead import MANY, Ahead
from projections.engine.check import check
from projections.engine.hand import PROGRAM, Hand, Parcel
from projections.engine.projector import OutOfStep, Projector
from projections.engine.write import Record, prepare
from tests.projections.facts import reader, unreadable
from tests.projections.lives import lives
from tests.support.waiting import wait_until


def parcel(records: list[Record]) -> Parcel:
    prepared = prepare(PROJECTIONS, records)
    assert prepared.steps is not None
    return Parcel(records[0].position, records[-1].position, prepared.steps)


def position(admin: psycopg.Connection) -> int:
    [(found,)] = admin.execute("select position from positions where name = 'views'").fetchall()
    return int(found)


def children() -> list[int]:
    """Second hands of this process."""
    found = [int(pid) for task in Path("/proc/self/task").iterdir() for pid in held(task / "children").split()]
    return [pid for pid in found if PROGRAM.encode() in held(Path(f"/proc/{pid}/cmdline"))]


def held(file: Path) -> bytes:
    """Nothing, where its thread or process has gone away just now."""
    try:
        return file.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def has_come(admin: psycopg.Connection) -> bool:
    """Beside the projector's own there is the hand's session, and it has nothing to do."""
    return admin.execute("""
        select count(*) from pg_stat_activity where datname = current_database() and application_name = 'tiangong projections'
           and query = 'set synchronous_commit = off' and state = 'idle'""").fetchone() == (1,)


@pytest.fixture
def begun(database: str) -> list[Record]:
    """A story of which the first half is in the tables."""
    records = list(lives(2000)[:600])
    with closing(Projector(database, PROJECTIONS)) as projector:
        projector.apply(records[:300])
    return records


@pytest.fixture
def hand(database: str) -> Iterator[Hand]:
    with closing(Hand(database)) as hand:
        wait_until(lambda: hand.ready)
        yield hand


def test_it_writes_what_it_is_given_once(hand: Hand, begun: list[Record], database: str, admin: psycopg.Connection):
    rest = parcel(begun[300:])
    assert hand.write(rest) is True
    assert position(admin) == 600
    assert hand.write(rest) is False
    assert check(database, reader(begun), PROJECTIONS).ok


def test_what_does_not_follow_is_left_alone_and_so_is_the_beginning(hand: Hand, begun: list[Record], admin: psycopg.Connection):
    assert hand.write(parcel(begun[:300])) is False
    assert hand.write(parcel(begun[301:])) is False
    assert hand.write(parcel(begun[200:])) is False
    assert position(admin) == 300
    admin.execute("update positions set position = 0")
    assert hand.write(parcel(begun[:300])) is False
    assert position(admin) == 0


def test_what_is_refused_leaves_nothing_and_the_next_page_is_written(hand: Hand, begun: list[Record], admin: psycopg.Connection):
    admin.execute("insert into audit_logs select (jsonb_populate_record(a, '{\"position\": 450}')).* from audit_logs a where position = 1")
    assert hand.write(parcel(begun[300:500])) is False
    assert position(admin) == 300
    admin.execute("delete from audit_logs where position = 450")
    assert hand.write(parcel(begun[300:500])) is True


def test_no_secret_is_where_processes_are_listed(database: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TIANGONG_SECRET_KEY", "nobody's business")
    with closing(Hand(f"{database} password=hidden")) as hand:
        wait_until(lambda: hand.ready)
        for place in ("environ", "cmdline"):
            told = Path(f"/proc/{hand.pid}/{place}").read_bytes()
            assert told
            assert b"business" not in told
            assert b"hidden" not in told


def test_of_one_that_is_dead_nothing_is_known(hand: Hand, begun: list[Record], admin: psycopg.Connection):
    os.kill(hand.pid, signal.SIGKILL)
    assert hand.write(parcel(begun[300:])) is None
    assert position(admin) == 300


def test_one_that_has_no_database_is_dead_and_says_why(admin: psycopg.Connection, begun: list[Record]):
    with closing(Hand(f"host=127.0.0.1 port=1 dbname={admin.info.dbname}")) as hand:
        wait_until(lambda: hand.ready)
        assert hand.write(parcel(begun[300:])) is None


def test_one_that_loses_its_connection_ends(hand: Hand, begun: list[Record], admin: psycopg.Connection):
    wait_until(lambda: has_come(admin))
    admin.execute("""select pg_terminate_backend(pid) from pg_stat_activity
                      where datname = current_database() and application_name = 'tiangong projections'""")
    assert hand.write(parcel(begun[300:])) is None


ORPHANED = "import sys; from projections.engine.hand import Hand; print(Hand(sys.stdin.readline()).pid, flush=True); sys.stdin.read()"


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_whoever_it_worked_for_may_die_in_any_way_and_it_ends(database: str):
    with subprocess.Popen((sys.executable, "-c", ORPHANED), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        print(database, file=parent.stdin, flush=True)
        pid = int(parent.stdout.readline())
        assert runs(pid)
        parent.kill()
    wait_until(lambda: not runs(pid))


@pytest.mark.parametrize("pages", [0, 1])
def test_whoever_dies_in_the_middle_of_a_word_has_no_more_to_say(database: str, begun: list[Record], admin: psycopg.Connection, pages: int):
    said = [pickle.dumps(database), pickle.dumps(parcel(begun[300:]))]
    words = b"".join(said[:pages]) + said[pages][:len(said[pages]) // 2]
    ended = subprocess.run((sys.executable, "-m", PROGRAM), input=words, capture_output=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert position(admin) == 300


def test_whoever_dies_before_he_says_anything_has_nothing_to_say():
    ended = subprocess.run((sys.executable, "-m", PROGRAM), input=b"", capture_output=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")


def in_pages(ahead: Ahead, records: list[Record], first: int, last: int) -> None:
    for start in range(first, last, MANY):
        ahead.apply(records[start:start + MANY])


def test_it_is_called_with_the_second_page_and_sent_away_when_there_is_no_more(database: str, admin: psycopg.Connection):
    records: list[Record] = list(lives(2000)[:2000])
    records[1700] = unreadable(1701)
    with closing(Projector(database, PROJECTIONS)) as projector:
        ahead = Ahead(projector, page=MANY)
        ahead.apply(records[:MANY])
        ahead.settle()
        in_pages(ahead, records, MANY, 4 * MANY)
        wait_until(lambda: has_come(admin))
        in_pages(ahead, records, 4 * MANY, 2000)
        assert len(children()) == 1
        assert ahead.position == 2000
        assert ahead.by_hand > 5
        assert projector.quarantined > 5
        wait_until(lambda: not children())
        ahead.close()
    assert check(database, reader(records), PROJECTIONS).ok


def test_when_it_is_killed_the_other_hand_does_its_work_and_calls_it_again(database: str, admin: psycopg.Connection):
    records: list[Record] = list(lives(2000)[:3000])
    with closing(Ahead(Projector(database, PROJECTIONS), page=MANY)) as ahead:
        in_pages(ahead, records, 0, 3 * MANY)
        wait_until(lambda: has_come(admin))
        in_pages(ahead, records, 3 * MANY, 10 * MANY)
        [first] = children()
        os.kill(first, signal.SIGKILL)
        in_pages(ahead, records, 10 * MANY, 15 * MANY)
        wait_until(lambda: has_come(admin))
        before = ahead.by_hand
        in_pages(ahead, records, 15 * MANY, 3000)
        assert ahead.position == 3000
        assert before < ahead.by_hand < 30
    assert not children()
    assert check(database, reader(records), PROJECTIONS).ok


def test_what_does_not_follow_is_told_as_ever(database: str, admin: psycopg.Connection):
    records: list[Record] = list(lives(2000)[:1000])
    with closing(Ahead(Projector(database, PROJECTIONS), page=MANY)) as ahead:
        in_pages(ahead, records, 0, 3 * MANY)
        wait_until(lambda: has_come(admin))
        ahead.apply(records[5 * MANY:6 * MANY])
        with pytest.raises(OutOfStep):
            ahead.settle()
        assert ahead.position == 3 * MANY
        in_pages(ahead, records, 3 * MANY, 1000)
    assert position(admin) == 1000


def test_where_no_process_can_be_started_one_hand_does_it(database: str, admin: psycopg.Connection, monkeypatch, caplog):
    records: list[Record] = list(lives(2000)[:500])
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with caplog.at_level(logging.WARNING), closing(Ahead(Projector(database, PROJECTIONS), page=MANY)) as ahead:
        in_pages(ahead, records, 0, 500)
    assert position(admin) == 500
    assert "one hand" in caplog.text
