"""Facts that are written many at once: the tables are the same, to the byte, as if each had been written by itself."""

import random
from collections.abc import Iterator, Sequence
from functools import cache

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from domain.environment.events import EnvironmentCreated, EnvironmentObserved
from domain.lane.events import LaneLeft
from domain.notification.events import NotificationFailed, NotificationRequested
from domain.task.events import TaskFailed
from projections.catalogue import PROJECTIONS
from projections.engine.connections import connect
from projections.engine.schema import create, tables_in
from projections.engine.shapes import tables_of
from projections.engine.sheet import compiled
from projections.engine.steps import Copy, Many
from projections.engine.write import Record, effects, steps_of, write
from tests.projections.facts import fact, history, planned, recorded, started, unreadable
from tests.projections.lives import lives

ALONE = 10**9


@pytest.fixture(scope="module")
def shared(databases) -> Iterator[str]:
    conninfo = databases.create()
    yield conninfo
    databases.drop(conninfo)


def after(conninfo: str, batches: Sequence[Sequence[Record]], few: int) -> dict[str, list[str]]:
    """The tables, as text, after these batches: written fact by fact where `few` is large."""
    with connect(conninfo) as conn, conn.transaction(force_rollback=True):
        create(conn, "tried", PROJECTIONS)
        for batch in batches:
            for part in [[record] for record in batch] if few == ALONE else [batch]:
                write(conn, PROJECTIONS, part, few=few)
        return {table: rows(conn, table) for table in tables_in(conn, "tried")}


def rows(conn: psycopg.Connection, table: str) -> list[str]:
    return [text for (text,) in conn.execute(sql.SQL("select t::text from {} t order by 1").format(sql.Identifier(table)))]


def cut(records: Sequence[Record], sizes: Sequence[int]) -> list[Sequence[Record]]:
    found, start = [], 0
    while start < len(records):
        size = sizes[len(found) % len(sizes)]
        found.append(records[start:start + size])
        start += size
    return found


def must_be_the_same(conninfo: str, batches: Sequence[Sequence[Record]], few: int = 1) -> dict[str, list[str]]:
    alone, together = after(conninfo, batches, ALONE), after(conninfo, batches, few)
    assert alone.keys() == together.keys()
    for table, expected in alone.items():
        assert together[table] == expected, table
    return together


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(1, 150), min_size=1, max_size=4), few=st.integers(1, 20), strange=st.integers(0, 149))
def test_facts_in_an_order_that_no_aggregate_would_allow(shared: str, seed: int, sizes: list[int], few: int, strange: int):
    records: list[Record] = list(history(seed, 150))
    records[strange] = unreadable(strange + 1)
    assert must_be_the_same(shared, cut(records, sizes), few)["quarantine"]


@cache
def lives_alone(conninfo: str) -> dict[str, list[str]]:
    return after(conninfo, [lives(1200)], ALONE)


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(30, 700), min_size=1, max_size=4))
def test_whole_lives_of_deployments(shared: str, sizes: list[int]):
    records = lives(1200)
    assert len({record.event.TOPIC for record in records}) >= 25
    together = after(shared, cut(records, sizes), 1)
    assert together == lives_alone(shared)
    assert together["quarantine"] == []


@pytest.mark.parametrize("bad", [
    fact(NotificationFailed, "ntf_1", error="e", tries=2**40),
    fact(EnvironmentObserved, "env_1", status="on fire", message=""),
    fact(LaneLeft, "lane_1", environment_id="env_1", deployment_id="dep\0", installed=()),
    planned("dep_5", tasks=()),
], ids=["a number too large", "a word that is none", "a null character", "a row that is there"])
def test_one_fact_that_is_refused_among_many_is_put_aside_alone_and_what_would_hide_it_does_not(shared: str, bad):
    asked = fact(NotificationRequested, "ntf_1", rule="r", severity="s", channel="log", destination="d", deployment_id="", task_id="",
                 subject="s", text="t")
    made = fact(EnvironmentCreated, "env_1", name="e", type="memory", config={}, is_active=True)
    story = [asked, made, *(planned(f"dep_{n}", tasks=()) for n in range(300)), bad]
    position = len(story)
    story += [fact(NotificationFailed, "ntf_1", error="e", tries=3), fact(EnvironmentObserved, "env_1", status="healthy", message="")]
    story += [started("dep_5", ()), *(started(f"dep_{n}", ()) for n in range(100, 300))]
    tables = must_be_the_same(shared, [recorded(*story)], 32)
    assert tables["quarantine"]
    assert all(f",{position}," in row for row in tables["quarantine"])


def test_odd_words_and_documents_are_the_same_bytes(shared: str):
    odd = "tab\t newline\n quote\" back\\slash \\N ü \u2028 \U0001f600 null\0 {} {\"a\": 1}"
    story = [planned("dep_1"), *(fact(TaskFailed, f"task_{n % 3 + 1}", attempt=1, token=1, error=odd,
                                      result={odd: [1, 1.5, None, True, {"x": odd}], "n": 10**15, "small": 1e-7}) for n in range(40))]
    records = recorded(*story)
    must_be_the_same(shared, [records])
    must_be_the_same(shared, [records[:1], records[1:]])


def test_what_is_known_of_the_tables_is_what_the_database_knows(shared: str):
    with connect(shared) as conn:
        for projection in PROJECTIONS:
            for table in tables_of(projection.tables).values():
                keys = conn.execute("""
                    select i.indisprimary, array_agg(a.attname::text order by k.n) from pg_index i
                      cross join lateral unnest(i.indkey) with ordinality k(number, n)
                      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
                     where i.indrelid = %s::regclass and i.indisunique group by i.indexrelid, i.indisprimary""", (table.name,)).fetchall()
                assert keys == [(True, list(table.key))] or not table.plain, table.name
                columns = conn.execute("""
                    select attname::text, attnotnull from pg_attribute
                     where attrelid = %s::regclass and attnum > 0 and attgenerated = '' order by attnum""", (table.name,)).fetchall()
                if table.plain:
                    assert columns == [(name, name in table.required) for name in table.types]


def test_of_thousands_of_facts_few_steps_are_left():
    records = lives(1200)
    steps = steps_of(effects(PROJECTIONS, records))
    assert len(records) > 1900
    assert len(steps) < 150
    [audit] = [step for step in steps if isinstance(step, Copy) and step.table.name == "audit_logs"]
    assert audit.rows == len(records)
    assert sum(len(step.parameters) for step in steps if isinstance(step, Many)) < len(records) / 4


def test_every_statement_of_the_projections_is_understood_or_kept_as_it_is():
    for projection in PROJECTIONS:
        assert set(compiled(projection).shapes) == set(projection.statements)


def test_sizes_do_not_matter(shared: str):
    records = lives(300)
    chance = random.Random(1)
    must_be_the_same(shared, cut(records, [chance.randint(1, 60) for _ in range(20)]), 32)
