"""The facts of a moment, with one way to the server and back: the same tables, and the same care."""

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from domain.user.events import UserCreated
from domain.version.events import VersionCreated
from projections.catalogue import PROJECTIONS
from projections.engine.check import check
from projections.engine.projector import QUICK, OutOfStep, Projector
from tests.projections.cutting import Cutting
from tests.projections.facts import fact, history, reader, recorded, unreadable


@pytest.fixture
def quick(database: str):
    """It has begun, and expects nobody else."""
    quick = Projector(database, PROJECTIONS, alone=0)
    quick.apply(recorded(version("ver_0")))
    yield quick
    quick.close()


def version(stream: str, **fields):
    return fact(VersionCreated, stream, **{"git_tag": "v1", "git_commit": "abc", "repository": "https://example.org/r", **fields})


def prepared(projector: Projector) -> int:
    """How many statements it has sent in the quick way."""
    return projector._connection().execute("select count(*) from pg_prepared_statements where name like 'oneway%'").fetchone()[0]


def audited(admin: psycopg.Connection) -> list[int]:
    return [position for position, in admin.execute("select position from audit_logs order by 1")]


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_happens_the_tables_are_those_of_the_long_way(database: str, seed: int):
    records, chance = history(seed=seed, size=1200), random.Random(seed)
    projector, position, quickly = Projector(database, PROJECTIONS, alone=0), 0, 0
    while position < len(records):
        position = projector.apply(records[position:position + chance.choice((1, 1, 2, 3, 8, QUICK))])
        quickly = max(quickly, prepared(projector))
    projector.close()
    assert quickly > 10
    assert check(database, reader(records), PROJECTIONS).ok


def test_rows_that_come_together_are_one_statement(quick: Projector, admin: psycopg.Connection):
    quick.apply(recorded(*(version(f"ver_{n}") for n in range(2, 9)), after=1))
    assert prepared(quick) == 4  # the position, versions, the audit, the notice
    assert admin.execute("select count(*) from versions").fetchone() == (8,)
    assert admin.execute("select sum(n) from audit_logs_counts where counted = 0").fetchone() == (8,)


def test_who_is_new_takes_it_that_there_are_others_until_nobody_was_seen_for_a_while(database: str, admin: psycopg.Connection):
    projector, other = (Projector(database, PROJECTIONS, alone=3) for _ in range(2))
    seen = []
    for n in range(1, 7):
        projector.apply(recorded(version(f"ver_{n}"), after=n - 1))
        seen.append(prepared(projector) > 0)
    assert seen == [False, False, False, True, True, True]
    other.apply(recorded(version("ver_7"), after=6))
    assert projector.apply(recorded(version("ver_7"), version("ver_8"), after=6)) == 8
    assert projector._undisturbed == 0
    assert audited(admin) == list(range(1, 9))
    projector.close()
    other.close()


def test_a_batch_that_another_projector_has_done_is_not_done_twice(quick: Projector, database: str, admin: psycopg.Connection):
    other = Projector(database, PROJECTIONS, alone=0)
    batch = recorded(version("ver_2"), version("ver_3"), after=1)
    assert other.apply(batch) == 3
    assert quick.apply(batch) == 3
    assert quick.apply([*batch, *recorded(version("ver_4"), after=3)]) == 4
    other.close()
    assert audited(admin) == [1, 2, 3, 4]
    assert quick.quarantined == 0


def test_projectors_that_all_expect_nobody_apply_each_fact_once(database: str, admin: psycopg.Connection):
    records = history(seed=3, size=900)

    def race(size: int) -> int:
        projector, position = Projector(database, PROJECTIONS, alone=0), 0
        while position < len(records):
            position = projector.apply(records[position:position + size])
        projector.close()
        return position

    with ThreadPoolExecutor() as threads:
        assert list(threads.map(race, (3, 5, 9), timeout=60)) == [900, 900, 900]
    assert audited(admin) == list(range(1, 901))
    assert check(database, reader(records), PROJECTIONS).ok


def test_a_fact_that_the_database_refuses_is_put_aside_and_the_next_ones_go_on_quickly(quick: Projector, admin: psycopg.Connection):
    bad = version("ver_3", pull_request=2**70)  # it does not even leave us
    assert quick.apply(recorded(version("ver_0"), version("ver_2"), bad, after=1)) == 4
    assert admin.execute("select position from quarantine order by 1").fetchall() == [(2,), (4,)]
    assert quick.apply(recorded(version("ver_5"), after=4)) == 5
    assert audited(admin) == [1, 2, 3, 4, 5]
    assert prepared(quick) >= 4
    assert quick.quarantined == 2


def test_what_cannot_be_read_is_put_aside_and_audited(quick: Projector, admin: psycopg.Connection):
    quick.apply([unreadable(2), *recorded(version("ver_3"), after=2)])
    assert {position for position, in admin.execute("select position from quarantine")} == {2}
    assert quick.quarantined == len(PROJECTIONS) - 1
    assert audited(admin) == [1, 2, 3]


def test_a_batch_that_does_not_follow_is_refused_and_nothing_of_it_is_there(quick: Projector, admin: psycopg.Connection):
    with pytest.raises(OutOfStep, match="stand at 1, the batch begins at 3"):
        quick.apply(recorded(version("ver_3"), after=2))
    with pytest.raises(ValueError, match="without gaps"):
        quick.apply([*recorded(version("ver_2"), after=1), *recorded(version("ver_4"), after=3)])
    assert audited(admin) == [1]


def test_tables_without_a_position_take_nothing(quick: Projector, admin: psycopg.Connection):
    admin.execute("delete from positions")
    with pytest.raises(OutOfStep, match="run the migration"):
        quick.apply(recorded(version("ver_2"), after=1))
    assert audited(admin) == [1]


def test_every_batch_is_announced_after_its_commit(quick: Projector, admin: psycopg.Connection):
    admin.execute("listen projected")
    quick.apply(recorded(version("ver_2"), fact(UserCreated, "usr_1", username="ann", email="", roles=()), after=1))
    [notice] = admin.notifies(timeout=5, stop_after=1)
    assert notice.payload == "3"
    assert audited(admin) == [1, 2, 3]


def test_a_database_that_is_away_is_not_the_facts_fault(quick: Projector, admin: psycopg.Connection):
    admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
    batch = recorded(version("ver_2"), after=1)
    with pytest.raises(psycopg.OperationalError):
        quick.apply(batch)
    assert quick.apply(batch) == 2
    assert audited(admin) == [1, 2]


def test_wherever_the_connection_is_cut_the_tables_are_as_the_position_says_and_it_goes_on(database: str, admin: psycopg.Connection):
    records, chance, position = history(seed=11, size=400), random.Random(11), 0
    with Cutting(database) as way, closing(Projector(way.conninfo, PROJECTIONS, alone=0)) as projector:
        while position < len(records):
            batch, stood = records[position:position + 4], position
            way.let_through(chance.randrange(1, 3000) if position and chance.random() < 0.5 else None)
            try:
                position = projector.apply(batch)
            except psycopg.OperationalError:
                way.let_through(None)  # what was told just before the cut took effect is not for the next try
                assert admin.execute("select position from positions").fetchone() in ((stood,), (batch[-1].position,))
                assert admin.execute("select position from positions").fetchone() == (audited(admin)[-1],)
                position = projector.apply(batch)
            assert position == batch[-1].position
        assert way.cuts > 20
    assert check(database, reader(records), PROJECTIONS).ok


def test_a_table_that_is_held_is_not_the_facts_fault(quick: Projector, admin: psycopg.Connection):
    quick._connection().execute("set lock_timeout = 50")
    batch = recorded(version("ver_2"), after=1)
    with admin.transaction():
        admin.execute("lock table versions in exclusive mode")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            quick.apply(batch)
    assert quick.apply(batch) == 2
    assert admin.execute("select count(*) from quarantine").fetchone() == (0,)
