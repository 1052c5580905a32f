"""Rows packed for COPY: the database reads from them what was meant."""

import random
import string
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import msgspec
import psycopg
import pytest

from projections.engine.connections import connect
from projections.engine.packing import packed
from projections.engine.plans import Unfit, plan_of
from projections.engine.shapes import Simple, shape_of, tables_of
from projections.engine.steps import copied

TYPES = ("text", "uuid", "timestamptz", "boolean", "int", "bigint", "float8", "json", "text[]")
TABLE = """create table if not exists tried (
  id bigint primary key,
  name text,
  at timestamptz,
  size int,
  status text check (status in ('up', 'down'))
)
"""
INSERT = "insert into tried (id, name, at, size, status) values (%(id)s, %(name)s, %(at)s, %(size)s, %(status)s)"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def conn(database: str) -> Iterator[psycopg.Connection]:
    with connect(database) as conn, conn.transaction(force_rollback=True):
        columns = ", ".join(f"c{place} {kind}" for place, kind in enumerate(TYPES))
        conn.execute(f"create temp table anything (place int, {columns})".encode())
        yield conn


def anything(chance: random.Random) -> list[object]:
    """A row of TYPES."""
    words = ["", "a", "ü\u2028\U0001f600", "tab\t\"\\N", "".join(chance.choices(string.printable, k=30))]
    zone = timezone(timedelta(minutes=chance.randint(-700, 700)))
    at = [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), NOON, NOON.astimezone(zone),
          datetime(1999, 12, 31, 23, 59, 59, 1, tzinfo=zone)]
    documents = [{}, {"ü": [1, None, "\n"]}, msgspec.Raw(b'{"raw":1}')]
    row = [chance.choice(words), UUID(int=chance.getrandbits(128)), chance.choice(at), chance.random() < 0.5, chance.choice([0, -2**31, 2**31 - 1]),
           chance.choice([0, 2**63 - 1, -2**63]), chance.choice([0.0, -1.5e-7, 1e300]), chance.choice(documents), chance.choice([[], words, ["one"]])]
    return [None if chance.random() < 0.2 else value for value in row]


def test_a_copy_holds_what_single_inserts_hold(conn: psycopg.Connection):
    chance = random.Random(7)
    found = [[place, *anything(chance)] for place in range(300)]
    with conn.cursor() as cursor:
        with cursor.copy("copy anything from stdin (format binary)") as to:
            to.write(packed(["int", *TYPES], found))
        cursor.execute("create temp table single (like anything)")
        cursor.executemany(f"insert into single values ({', '.join(['%s'] * 10)})", found)  # type: ignore[arg-type]
        assert cursor.execute("select count(*) from anything").fetchone() == (300,)
        for one, other in (("anything", "single"), ("single", "anything")):
            assert cursor.execute(f"select t::text from {one} t except all select t::text from {other} t".encode()).fetchall() == []


@pytest.mark.parametrize(("kind", "value"), [("text", "half \ud83d"), ("bigint", 2**63), ("int", 2**31)])
def test_what_no_column_can_hold_cannot_be_packed(kind: str, value: object):
    with pytest.raises(ValueError, match=r"surrogates|too large"):
        packed([kind], [[value]])


@pytest.mark.parametrize("bad", [
    {"name": "null \0"}, {"name": 7}, {"id": 2**63}, {"id": None}, {"id": True}, {"size": 2**31}, {"at": datetime(2026, 1, 1)}, {"at": "noon"},  # noqa: DTZ001
    {"status": "on fire"},
], ids=str)
def test_one_row_among_many_that_the_database_might_refuse_is_found(bad: dict[str, object]):
    simple = shape_of(INSERT, tables_of(TABLE))
    assert isinstance(simple, Simple)
    plan = plan_of(simple)
    good = {"id": 1, "name": "n", "at": NOON, "size": 1, "status": "up"}
    empty: dict[str, object] = {**dict.fromkeys(good), "id": 2}
    plan.all_fit([plan.values(good), plan.values(empty)])
    for row in (good | bad, empty | bad):
        with pytest.raises(Unfit):
            plan.fit(row)
        with pytest.raises(Unfit):
            plan.all_fit([plan.values(good), plan.values(row), plan.values(empty)])


def test_what_is_sent_is_ready_before_there_is_a_connection():
    table = tables_of(TABLE)["tried"]
    step = copied(table, (0, 1), [(1, "a"), (2, None)])
    assert step.rows == 2
    assert step.data.startswith(b"PGCOPY\n")
    assert step.data.endswith(b"\xff\xff")
