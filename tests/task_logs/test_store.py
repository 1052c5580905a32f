"""Task logs on a real PostgreSQL: stored in order, closed with count and digest, through crashes and a database that is away."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from adapters.task_logs import PostgresTaskLogs, writing
from projections.task_logs.queries import ends, last_attempt, last_lines, lines
from tests.support.pools import pool_of
from tests.support.waiting import until

INTERRUPTED = "the log was interrupted here: lines may be missing"


@pytest.fixture
async def pool(database: str) -> AsyncIterator[AsyncConnectionPool]:
    async with pool_of(database) as pool:
        yield pool


@pytest.fixture
def logs(pool: AsyncConnectionPool) -> PostgresTaskLogs:
    return PostgresTaskLogs(pool, patience=10)


async def messages(pool: AsyncConnectionPool, task: str = "task_1", **where: object) -> list[str]:
    return [line["message"] for line in await lines(pool, task, **where)]


async def end(pool: AsyncConnectionPool, attempt: int = 1) -> dict[str, object]:
    return next(row for row in await ends(pool, ["task_1"]) if row["attempt"] == attempt)


async def stored(database: str) -> list[tuple[int, int, bytes, int]]:
    async with await psycopg.AsyncConnection.connect(database) as conn:
        return await (await conn.execute("select first_seq, count, lines, source_offset from ops.log_chunks order by first_seq")).fetchall()


async def forget(log) -> None:
    """As if the process had died: nothing more is stored."""
    log._storing.cancel()
    await asyncio.gather(log._storing, return_exceptions=True)


async def test_a_log_is_stored_in_order_and_closed_with_its_count_and_digest(pool, logs, database):
    log = await logs.open("task_1", 1)
    for n in range(600):
        log.line(f"line {n}", "error" if n % 100 == 0 else "info")
    await logs.close(log)
    read = await lines(pool, "task_1")
    assert [line["seq"] for line in read] == list(range(1, 601))
    assert [line["message"] for line in read] == [f"line {n}" for n in range(600)]
    assert read[0].keys() == {"seq", "timestamp", "level", "message"}
    chunks = await stored(database)
    assert [count for _, count, _, _ in chunks] == [256, 256, 88]
    content = b"".join(bytes(chunk)[1:-1].replace(b'},{"seq"', b'}\n{"seq"') + b"\n" for _, _, chunk, _ in chunks)
    closed = await end(pool)
    assert (closed["lines"], closed["digest"], closed["complete"]) == (600, hashlib.sha256(content).hexdigest(), True)


async def test_a_line_is_there_a_moment_later_and_followers_are_told(pool, logs, database):
    log = await logs.open("task_1", 1)
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as conn:
        await conn.execute("listen task_logs")
        log.line("now")
        notice = [n.payload async for n in conn.notifies(timeout=5, stop_after=1)]
    assert notice == ["task_1"]
    assert await messages(pool) == ["now"]
    assert (await end(pool))["closed_at"] is None
    await logs.close(log)


async def test_lines_wait_for_company_and_a_full_chunk_does_not(pool, logs, database):
    log = await logs.open("task_1", 1)
    for n in range(5):
        log.line(str(n))
        await asyncio.sleep(0.005)
    await until(lambda: len(log._buffer) == 0)
    assert [count for _, count, _, _ in await stored(database)] == [5]
    await logs.close(log)


async def test_reading_goes_on_behind_a_line_by_level_and_by_attempt(pool, logs):
    for attempt in (1, 2):
        log = await logs.open("task_1", attempt)
        for n in range(1, 1001):
            log.line(f"{attempt}/{n}", "error" if n % 250 == 0 else "info")
        await logs.close(log)
    assert await last_attempt(pool, "task_1") == 2
    assert (await messages(pool, after_seq=998)) == ["2/999", "2/1000"]
    assert (await messages(pool, after_seq=255, limit=2)) == ["2/256", "2/257"]
    assert (await messages(pool, after_seq=1000)) == []
    assert (await messages(pool, attempt=1, level="error")) == ["1/250", "1/500", "1/750", "1/1000"]
    assert (await messages(pool, attempt=1, level="error", after_seq=500, limit=1)) == ["1/750"]
    assert (await messages(pool, "task_9")) == []


async def test_the_last_lines_of_several_tasks_come_at_once(pool, logs):
    for task, count in (("task_1", 700), ("task_2", 3), ("task_3", 0)):
        log = await logs.open(task, 1)
        for n in range(count):
            log.line(str(n))
        await logs.close(log)
    for n in (1, 100, 187, 188, 189, 700, 5000):
        found = await last_lines(pool, ["task_1", "task_2", "task_3", "task_4"], n)
        assert [line["message"] for line in found["task_1"]] == [str(i) for i in range(700)][-n:]
        assert [line["message"] for line in found["task_2"]] == ["0", "1", "2"][-n:]
        assert found.keys() == {"task_1", "task_2"}


async def test_secrets_are_masked_before_they_are_stored(logs, pool, database):
    log = await logs.open("task_1", 1, mask=("hunter2-hunter2", "line one\nline two"))
    log.line("login hunter2-hunter2")
    log.line("x" * 16380 + "hunter2-hunter2")  # where a long line is split
    log.line("line two")
    await logs.close(log)
    assert b"hunter2" not in b"".join(bytes(chunk) for _, _, chunk, _ in await stored(database))
    assert (await messages(pool))[-1] == "********"


async def test_a_message_of_several_lines_is_several_lines(logs, pool):
    log = await logs.open("task_1", 1)
    log.line("a\nb\r\nc", offset=9)
    log.line("")
    await logs.close(log)
    assert await messages(pool) == ["a", "b", "c", ""]


async def test_a_log_opened_again_goes_on_says_so_and_is_not_complete(logs, pool):
    first = await logs.open("task_1", 1)
    first.line("before", offset=42)
    await until(lambda: len(first._buffer) == 0)
    await forget(first)
    second = await logs.open("task_1", 1)
    assert second.offset == 42
    second.line("after")
    await logs.close(second)
    read = await lines(pool, "task_1")
    assert [(line["seq"], line["level"], line["message"]) for line in read] == [(1, "info", "before"), (2, "warn", INTERRUPTED), (3, "info", "after")]
    closed = await end(pool)
    assert (closed["lines"], closed["complete"]) == (3, False)
    assert len(closed["digest"]) == 64


async def test_a_writer_of_before_stores_nothing_more_once_somebody_else_has_the_log(logs, pool):
    old = await logs.open("task_1", 1)
    old.line("old, stored")
    await until(lambda: len(old._buffer) == 0)
    new = await logs.open("task_1", 1)
    old.line("old, too late")
    new.line("new")
    await logs.close(old)
    assert (await end(pool))["closed_at"] is None  # the log is another's to close
    await logs.close(new)
    assert await messages(pool) == ["old, stored", INTERRUPTED, "new"]


async def test_a_second_close_and_lines_after_it_change_nothing(logs, pool):
    log = await logs.open("task_1", 1)
    log.line("one")
    await logs.close(log)
    closed = await end(pool)
    log.line("two")
    await logs.close(log)
    assert await end(pool) == closed
    assert await messages(pool) == ["one"]


async def test_an_empty_log_is_closed_with_no_lines(logs, pool):
    await logs.close(await logs.open("task_1", 1))
    assert (await end(pool))["lines"] == 0
    assert (await end(pool))["digest"] == hashlib.sha256(b"").hexdigest()


def cut(database: str, allow: bool) -> None:
    """Throw everybody out of the database and let nobody in, or let them in again."""
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    with psycopg.connect(psycopg.conninfo.make_conninfo(database, dbname="postgres"), autocommit=True) as conn:
        conn.execute(f"alter database {name} allow_connections {allow}".encode())
        if not allow:
            conn.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))


async def test_lines_are_kept_while_the_database_is_away(logs, pool, database, monkeypatch):
    monkeypatch.setattr(writing, "AGAIN", 0.1)
    log = await logs.open("task_1", 1)
    log.line("before")
    await until(lambda: len(log._buffer) == 0)
    cut(database, allow=False)
    for n in range(300):
        log.line(f"away {n}")
    await asyncio.sleep(0.5)
    assert len(log._buffer) == 300
    cut(database, allow=True)
    log.line("after")
    await logs.close(log)
    assert await messages(pool) == ["before", *(f"away {n}" for n in range(300)), "after"]
    assert (await end(pool))["complete"] is True


async def test_a_chunk_whose_answer_was_lost_is_stored_once_and_nothing_behind_it_is_lost(logs, pool, monkeypatch):
    monkeypatch.setattr(writing, "AGAIN", 0.05)
    log = await logs.open("task_1", 1)
    store = log._store

    async def answer_lost(chunk):
        await store(chunk)
        log._store = store
        log.line("meanwhile")
        raise psycopg.OperationalError("the connection broke after the commit")

    log._store = answer_lost
    log.line("one")
    await until(lambda: len(log._buffer) == 0)
    await logs.close(log)
    assert await messages(pool) == ["one", "meanwhile"]


async def test_a_close_in_vain_gives_up_in_time_and_the_log_shows_no_end(pool, database, monkeypatch):
    monkeypatch.setattr(writing, "AGAIN", 0.05)
    logs = PostgresTaskLogs(pool, patience=0.5)
    log = await logs.open("task_1", 1)
    cut(database, allow=False)
    log.line("lost")
    await logs.close(log)
    cut(database, allow=True)
    await pool.check()
    assert (await end(pool))["closed_at"] is None


async def test_a_log_is_written_and_read_with_the_rights_of_the_running_server(database):
    conninfo = psycopg.conninfo.make_conninfo(database, options="-c role=tiangong_server")
    async with pool_of(conninfo) as pool:
        logs = PostgresTaskLogs(pool)
        log = await logs.open("task_1", 1)
        log.line("x")
        await logs.close(log)
        assert await messages(pool) == ["x"]
