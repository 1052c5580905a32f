"""Many questions down one connection: each gets its own answer, its own error, and an end."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from projections.engine.line import MOST
from projections.engine.line import SLOW as WAITING
from projections.engine.lines import Lines

ECHO = "select %s::text as said, pg_backend_pid() as pid"
SLOW = "select pg_sleep(%s)::text"


@pytest.fixture
async def wide(database: str) -> AsyncIterator[AsyncConnectionPool]:
    """A pool for two lines, as the server's: not in autocommit mode."""
    async with AsyncConnectionPool(database, min_size=1, max_size=8, open=False, timeout=5) as pool:
        yield pool


@pytest.fixture
def lines(wide: AsyncConnectionPool) -> Lines:
    return Lines(wide, linger=0.05)



async def test_each_gets_its_own_answer_and_few_connections_are_taken(lines: Lines):
    found = await asyncio.gather(*(lines.ask(ECHO, [f"n {number}"]) for number in range(200)))
    assert [answer.rows[0][0] for answer in found] == [f"n {number}" for number in range(200)]
    assert found[0].names == ("said", "pid")
    assert len({answer.rows[0][1] for answer in found}) <= 2


async def test_what_is_wrong_with_one_concerns_no_other(lines: Lines):
    found = await asyncio.gather(*(lines.ask("select 6 / %s::int as n", [n % 3]) for n in range(30)), return_exceptions=True)
    assert [isinstance(each, psycopg.errors.DivisionByZero) for each in found] == [n % 3 == 0 for n in range(30)]
    assert [each.rows for each in found if not isinstance(each, BaseException)] == [[(6,)], [(3,)]] * 10


async def test_new_statements_beside_ones_that_the_server_does_not_take_are_answered(lines: Lines):
    asked = [f"select {n} as n" if n % 3 else f"select nothing_{n}" for n in range(40)]
    for _ in range(2):
        found = await asyncio.gather(*(lines.ask(statement, []) for statement in asked), return_exceptions=True)
        assert [each.rows if n % 3 else type(each) for n, each in enumerate(found)] == [  # type: ignore[union-attr]
            [(n,)] if n % 3 else psycopg.errors.UndefinedColumn for n in range(40)]


async def test_a_statement_that_the_server_does_not_take_is_refused_each_time(lines: Lines):
    for _ in range(2):
        wrong, right = await asyncio.gather(lines.ask("select nothing_of_the_kind", []), lines.ask(ECHO, ["a"]), return_exceptions=True)
        assert isinstance(wrong, psycopg.errors.UndefinedColumn)
        assert not isinstance(right, BaseException)


async def test_a_statement_that_was_refused_is_taken_as_soon_as_it_can_be(lines: Lines, admin: psycopg.Connection):
    with pytest.raises(psycopg.errors.UndefinedTable):
        await lines.ask("select n from public.late", [])
    admin.execute("create table public.late as select 1 as n")
    assert (await lines.ask("select n from public.late", [])).rows == [(1,)]


@pytest.mark.parametrize("value", ["a\0b", "\ud800", 1.5, None])
async def test_what_cannot_be_said_is_refused_for_who_says_it(lines: Lines, value: object):
    wrong, right = await asyncio.gather(lines.ask(ECHO, [value]), lines.ask(ECHO, ["a"]), return_exceptions=True)
    assert isinstance(wrong, psycopg.DataError | UnicodeEncodeError)
    assert not isinstance(right, BaseException)


@pytest.mark.parametrize(("kind", "value"), [
    ("bool", True), ("bool", False), ("int8", -(2**63)), ("text", "Ä'%$1\\"), ("timestamptz", datetime(2026, 1, 31, 14, 3, 0, 123456, UTC)),
    ("timestamptz", datetime(1, 1, 1, tzinfo=UTC))])
async def test_a_value_arrives_as_it_was_said(lines: Lines, kind: str, value: object):
    assert (await lines.ask(f"select %s::{kind} as value", [value])).rows == [(value,)]


async def test_times_are_in_utc_whatever_the_connection_says(database: str):
    async with AsyncConnectionPool(database, min_size=1, max_size=1, open=False, kwargs={"options": "-c timezone=Asia/Shanghai"}) as pool:
        found = (await Lines(pool).ask("select timestamptz '2026-01-31T22:03:00+08' as at", [])).rows[0][0]
    assert (found.isoformat(), found.tzinfo) == ("2026-01-31T14:03:00+00:00", UTC)


async def test_who_comes_after_a_write_sees_it(lines: Lines, admin: psycopg.Connection):
    admin.execute("create table public.seen (n int)")
    for number in range(20):
        admin.execute("insert into public.seen values (%s)", [number])
        assert (await lines.ask("select count(*) as n from public.seen", [])).rows == [(number + 1,)]


async def test_when_the_connection_is_cut_everybody_hears_of_it_and_the_next_get_another(lines: Lines, admin: psycopg.Connection):
    pid = (await lines.ask(ECHO, ["a"])).rows[0][1]
    asked = [asyncio.create_task(lines.ask(SLOW, [30])) for _ in range(3)]
    await asyncio.sleep(0)
    admin.execute("select pg_terminate_backend(%s)", [pid])
    found = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 10)
    assert all(isinstance(each, psycopg.OperationalError) for each in found), found
    assert (await asyncio.wait_for(lines.ask(ECHO, ["b"]), 10)).rows[0][0] == "b"


async def test_connections_that_the_database_has_left_behind_cost_nobody_his_answer(database: str, admin: psycopg.Connection):
    async with AsyncConnectionPool(database, min_size=4, max_size=4, open=False, kwargs={"application_name": "left behind"}) as pool:
        await pool.wait()
        admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'left behind'")
        lines = Lines(pool)
        found = await asyncio.wait_for(asyncio.gather(*(lines.ask(ECHO, [f"n {number}"]) for number in range(20))), 20)
    assert [answer.rows[0][0] for answer in found] == [f"n {number}" for number in range(20)]


async def test_who_waits_too_long_is_told_so_and_the_next_are_answered(wide: AsyncConnectionPool):
    lines = Lines(wide, linger=0.05, patience=0.2)
    with pytest.raises(psycopg.OperationalError, match="does not answer"):
        await asyncio.wait_for(lines.ask(SLOW, [30]), 10)
    assert (await asyncio.wait_for(lines.ask(ECHO, ["b"]), 10)).rows[0][0] == "b"


async def test_who_goes_away_takes_nobody_along(lines: Lines):
    leaving, staying = asyncio.create_task(lines.ask(SLOW, ["0.05"])), asyncio.create_task(lines.ask(ECHO, ["a"]))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await asyncio.wait_for(staying, 10)).rows[0][0] == "a"


async def test_an_idle_line_goes_back_to_the_pool_as_it_was(database: str):
    async with AsyncConnectionPool(database, min_size=1, max_size=1, timeout=10, open=False) as pool:
        pid = (await Lines(pool, linger=0.01).ask(ECHO, ["a"])).rows[0][1]
        async with pool.connection() as conn:
            assert (conn.info.backend_pid, conn.autocommit, conn.pgconn.pipeline_status) == (pid, False, psycopg.pq.PipelineStatus.OFF)
            assert await (await conn.execute("select 1")).fetchone() == (1,)
        assert (await Lines(pool, linger=0.01).ask(ECHO, ["b"])).rows[0] == ("b", pid)


async def test_where_the_pool_has_no_connection_everybody_is_told_so(database: str):
    async with AsyncConnectionPool(database, min_size=1, max_size=1, timeout=0.1, open=False) as pool:
        lines = Lines(pool)
        async with pool.connection():
            found = await asyncio.gather(*(lines.ask(ECHO, ["a"]) for _ in range(3)), return_exceptions=True)
        assert [type(each) for each in found] == [PoolTimeout] * 3
        assert (await lines.ask(ECHO, ["b"])).rows[0][0] == "b"


async def test_only_so_many_statements_are_kept_prepared(database: str):
    async with AsyncConnectionPool(database, min_size=1, max_size=1, open=False) as pool:
        lines = Lines(pool)
        for _ in range(2):
            for number in range(MOST + 20):
                assert (await lines.ask(f"select {number} as n", [])).rows == [(number,)]
        assert (await lines.ask("select count(*) as n from pg_prepared_statements", [])).rows[0][0] in (MOST, MOST + 1)


async def test_more_than_the_socket_takes_at_once_is_sent_all_the_same(lines: Lines):
    text = "x" * 3_000_000
    found = await asyncio.wait_for(asyncio.gather(*(lines.ask("select length(%s) as n", [text]) for _ in range(6))), 30)
    assert [answer.rows for answer in found] == [[(3_000_000,)]] * 6


async def test_a_connection_on_which_another_user_s_rollback_let_all_statements_be_forgotten_answers_as_before(database: str):
    async with AsyncConnectionPool(database, min_size=1, max_size=1, open=False, timeout=10) as pool:
        lines = Lines(pool, linger=0.01)
        assert (await lines.ask(ECHO, ["a"])).rows[0][0] == "a"
        async with pool.connection() as conn:
            await conn.execute("select 1", prepare=True)
            await conn.rollback()
        found = await asyncio.gather(*(lines.ask(ECHO, [f"n {number}"]) for number in range(20)))
        assert [answer.rows[0][0] for answer in found] == [f"n {number}" for number in range(20)]


async def test_a_statement_whose_table_has_other_columns_now_is_answered_with_them(lines: Lines, admin: psycopg.Connection):
    admin.execute("create table public.growing as select 1 as n")
    asked = [lines.ask(SLOW, ["0.05"]), *(lines.ask("select * from public.growing", []) for _ in range(20))]
    await asyncio.gather(*asked)  # more than one line knows it
    admin.execute("alter table public.growing add m int default 2")
    found = await asyncio.gather(*(lines.ask("select * from public.growing", []) for _ in range(20)))
    assert [(answer.names, answer.rows) for answer in found] == [(("n", "m"), [(1, 2)])] * 20


async def test_what_the_server_never_does_is_refused_after_some_attempts(lines: Lines):
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        await asyncio.wait_for(lines.ask("select count(*) as n from pg_catalog.pg_class for update", []), 10)


async def test_who_asks_behind_a_slow_one_takes_another_line(lines: Lines):
    slow = asyncio.create_task(lines.ask(SLOW, [30]))
    await asyncio.wait({slow}, timeout=2 * WAITING)
    found = [await asyncio.wait_for(lines.ask(ECHO, ["a"]), 10) for _ in range(3)]
    assert [answer.rows[0][0] for answer in found] == ["a"] * 3
    assert not slow.done()
    slow.cancel()


async def test_where_there_is_no_other_line_one_waits_behind_the_slow_one(database: str):
    async with AsyncConnectionPool(database, min_size=1, max_size=8, timeout=60, open=False) as pool:
        lines = Lines(pool, linger=5)
        slow = asyncio.create_task(lines.ask(SLOW, ["0.5"]))
        await asyncio.wait({slow}, timeout=2 * WAITING)
        async with AsyncExitStack() as taken:
            for _ in range(7):
                await taken.enter_async_context(pool.connection())
            assert (await asyncio.wait_for(lines.ask(ECHO, ["a"]), 10)).rows[0][0] == "a"
        await slow


async def test_a_server_that_does_not_even_say_hello_is_not_waited_for_without_end(database: str):
    async with AsyncConnectionPool(database, min_size=1, max_size=1, open=False, timeout=5) as pool:
        async with pool.connection() as conn:
            pid = conn.info.backend_pid
        lines = Lines(pool, linger=0.01, opening=0.2)
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(psycopg.OperationalError, match="does not answer"):
                await asyncio.wait_for(lines.ask(ECHO, ["a"]), 10)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert (await asyncio.wait_for(lines.ask(ECHO, ["b"]), 10)).rows[0][0] == "b"


async def test_lines_belong_to_their_pool(wide: AsyncConnectionPool, pool: AsyncConnectionPool):
    assert Lines.of(wide) is Lines.of(wide)
    assert Lines.of(wide) is not Lines.of(pool)
