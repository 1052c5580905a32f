"""Catching up: the next batch is prepared while one is written, and the tables are as if each had waited for the other."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from projections.catalogue import PROJECTIONS
from projections.engine.ahead import MANY, Ahead
from projections.engine.check import check
from projections.engine.collecting import COLLECTING, nothing_collected
from projections.engine.projector import OutOfStep, Projector
from tests.projections.facts import history, reader


@pytest.fixture
def ahead(database: str) -> Iterator[Ahead]:
    with closing(Ahead(Projector(database, PROJECTIONS))) as ahead:
        yield ahead


def test_large_and_small_batches_in_turn(ahead: Ahead, database: str):
    records, place = history(seed=3, size=900), 0
    for size in (MANY, MANY + 50, 7, 1, 3 * MANY, MANY - 1, MANY, 900):
        ahead.apply(records[place:place + size])
        place = min(place + size, 900)
    assert ahead.position == 900
    assert check(database, reader(records), PROJECTIONS).ok


def test_a_small_batch_is_in_the_tables_at_once_and_what_came_before_it_as_well(ahead: Ahead, admin: psycopg.Connection):
    records = history(seed=3, size=MANY + 1)
    ahead.apply(records[:MANY])
    ahead.apply(records[MANY:])
    assert admin.execute("select position from positions where name = 'views'").fetchone() == (MANY + 1,)


def test_what_went_wrong_in_the_background_is_told_by_the_next_call_and_then_it_may_begin_again(ahead: Ahead, database: str):
    records = history(seed=4, size=4 * MANY)
    ahead.apply(records[MANY:2 * MANY])
    with pytest.raises(OutOfStep):
        ahead.apply(records[2 * MANY:3 * MANY])
    assert ahead.position == 0
    ahead.apply(records[:2 * MANY])
    ahead.apply(records[2 * MANY:])
    assert ahead.position == 4 * MANY
    assert check(database, reader(records), PROJECTIONS).ok


def test_what_is_under_way_comes_to_its_end_before_it_is_closed(database: str, admin: psycopg.Connection):
    with closing(Ahead(Projector(database, PROJECTIONS))) as ahead:
        ahead.apply(history(seed=5, size=2 * MANY))
    assert admin.execute("select position from positions where name = 'views'").fetchone() == (2 * MANY,)


def test_several_that_race_apply_each_fact_once_also_where_what_was_prepared_is_known_in_part(database: str, admin: psycopg.Connection):
    records = history(seed=6, size=1500)

    def race(size: int) -> int:
        with closing(Ahead(Projector(database, PROJECTIONS))) as ahead:
            for start in range(0, len(records), size):
                ahead.apply(records[start:start + size])
            return ahead.position

    with ThreadPoolExecutor() as threads:
        assert list(threads.map(race, (110, 170, 400), timeout=60)) == [1500, 1500, 1500]
    assert admin.execute("select count(*), max(position) from audit_logs").fetchone() == (1500, 1500)
    assert check(database, reader(records), PROJECTIONS).ok


def test_the_collector_stands_still_from_the_first_large_batch_until_all_is_in_the_tables(ahead: Ahead):
    records = history(seed=7, size=3 * MANY)
    for start in (0, MANY):
        ahead.apply(records[start:start + MANY])
        assert not COLLECTING.goes_on
    ahead.settle()
    assert COLLECTING.goes_on
    ahead.apply(records[2 * MANY:])
    assert ahead.position == 3 * MANY
    assert COLLECTING.goes_on


def test_the_collector_goes_on_after_a_batch_that_went_wrong(database: str):
    records = history(seed=7, size=2 * MANY)
    ahead = Ahead(Projector(database, PROJECTIONS))
    ahead.apply(records[MANY:])
    with pytest.raises(OutOfStep):
        ahead.settle()
    assert COLLECTING.goes_on
    ahead.apply(records[MANY:])
    ahead.close()
    assert COLLECTING.goes_on


def test_the_collector_goes_on_when_the_last_that_stopped_it_has_ended():
    with ThreadPoolExecutor(1) as thread:
        with nothing_collected():
            thread.submit(COLLECTING.stop).result()
        assert not COLLECTING.goes_on
        thread.submit(COLLECTING.go_on).result()
    assert COLLECTING.goes_on
