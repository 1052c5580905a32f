"""Statements with one way to the server and back."""

from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.engine.connections import Connection, connect
from projections.engine.oneway import OneWay, Ready, numbered

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PUT = b"insert into pg_temp.things values ($1::int)"


@pytest.fixture
def conn(database: str):
    with connect(database) as conn:
        conn.execute("create temporary table things (n int primary key check (n < 100))")
        yield conn


def things(conn: Connection) -> list[int]:
    return [n for n, in conn.execute("select n from pg_temp.things order by 1")]


def put(n: int) -> Ready:
    return Ready(PUT, (b"%d" % n,))


def test_names_become_numbers_and_a_name_that_comes_again_keeps_its_own():
    found = numbered(b"update t set a = %(a)s, b = %(b)s where a <> %(a)s and c like '50%%'")
    assert (found.statement, found.names) == (b"update t set a = $1, b = $2 where a <> $1 and c like '50%'", ("a", "b"))


def test_parameters_arrive_as_psycopg_sends_them(conn: Connection):
    conn.execute("create temporary table kinds (a text, b bigint, c boolean, d timestamptz, e uuid, f text[], g json, h float8, i text)")
    values = {"a": "ü%s$1", "b": 2**40, "c": True, "d": NOON, "e": UUID(int=7), "f": ["x", "y, z"], "g": {"k": [1]}, "h": 0.1, "i": None}
    statement = f"insert into pg_temp.kinds values ({', '.join(f'%({name})s' for name in values)})".encode()
    oneway = OneWay(conn)
    oneway.run([oneway.ready(statement, values), oneway.ready(statement, values)])
    assert conn.execute("select * from pg_temp.kinds").fetchall() == [tuple(values.values())] * 2


INTS = st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-9, 9)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])) | st.just("ü" * 200_000)
VALUES = st.fixed_dictionaries({
    "a": st.none() | TEXTS, "b": INTS, "c": st.none() | st.booleans(), "d": st.none() | st.datetimes(timezones=st.just(UTC)),
    "e": st.none() | st.uuids(), "f": st.none() | st.lists(TEXTS | st.none(), max_size=3),
    "g": st.none() | st.dictionaries(TEXTS, TEXTS | INTS, max_size=2), "h": st.none() | st.floats(allow_nan=False)})
EACH = "a text, b bigint, c boolean, d timestamptz, e uuid, f text[], g json, h float8"


def test_whatever_came_before_each_row_is_as_psycopg_would_have_written_it(conn: Connection):
    conn.execute(f"create temporary table both_ways (way text, {EACH})")
    statement = f"insert into pg_temp.both_ways values (%(way)s, {', '.join(f'%({name})s' for name in 'abcdefgh')})".encode()
    oneway = OneWay(conn)

    @settings(max_examples=100, deadline=None)
    @given(st.lists(VALUES, min_size=1, max_size=3))
    def alike(found: list[dict[str, object]]) -> None:
        conn.execute("truncate pg_temp.both_ways")
        oneway.run([oneway.ready(statement, {"way": "one", **values}) for values in found])
        for values in found:
            conn.execute(statement, {"way": "sure", **values})
        one, sure = (conn.execute("select a, b, c, d::text, e, f, g::text, h from pg_temp.both_ways where way = %s", [way]).fetchall()
                     for way in ("one", "sure"))
        assert one == sure
        assert len(one) == len(found)

    alike()


def test_a_transaction_in_which_one_statement_fails_leaves_nothing_and_the_next_one_is_done(conn: Connection):
    oneway = OneWay(conn)
    with pytest.raises(psycopg.errors.UniqueViolation):
        oneway.run([put(1), put(2), put(1), put(3)], [put(7)])
    assert things(conn) == [7]


def test_what_was_not_prepared_because_of_an_error_is_prepared_the_next_time(conn: Connection):
    oneway, other = OneWay(conn), Ready(b"insert into pg_temp.things select $1::int + 1", (b"1",))
    with pytest.raises(psycopg.errors.CheckViolation):
        oneway.run([put(100), other])
    oneway.run([put(1), other])
    oneway.run([put(3)])
    assert things(conn) == [1, 2, 3]
    assert conn.execute("select count(*) from pg_prepared_statements where name like 'oneway%'").fetchone() == (2,)


def test_what_the_server_does_not_understand_is_an_error_each_time_and_no_harm_to_others(conn: Connection):
    oneway = OneWay(conn)
    for n in (1, 2):
        with pytest.raises(psycopg.errors.UndefinedTable):
            oneway.run([put(10 + n), Ready(b"insert into nowhere values (1)")], [put(n)])
    assert things(conn) == [1, 2]


def test_statements_that_were_taken_away_are_prepared_again(conn: Connection):
    oneway = OneWay(conn)
    oneway.run([put(1)])
    conn.execute("deallocate all")
    with pytest.raises(psycopg.errors.InvalidSqlStatementName):
        oneway.run([put(2)])
    oneway.run([put(3)])
    assert things(conn) == [1, 3]


def test_more_than_fits_into_any_buffer_goes_through_both_ways(conn: Connection):
    oneway, much = OneWay(conn), b"x" * 3_000_000
    oneway.run([Ready(b"select $1::text", (much,))] * 3 + [put(1)])
    assert things(conn) == [1]


def test_a_connection_that_breaks_is_an_operational_error(conn: Connection, database: str):
    oneway = OneWay(conn)
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("select pg_terminate_backend(%s)", (conn.info.backend_pid,))
    with pytest.raises(psycopg.OperationalError):
        oneway.run([put(1)])
    conn.close()


def test_the_connection_is_as_it_was_for_everybody_else(conn: Connection):
    OneWay(conn).run([put(1)])
    with conn.transaction(), conn.pipeline():
        conn.execute("insert into pg_temp.things values (2)")
    assert things(conn) == [1, 2]
