"""Logs of attempts that nobody had before: nothing is looked for, and nothing is stored before the first line."""

import asyncio
from hashlib import sha256

import psycopg
import pytest

from adapters.task_logs import PostgresTaskLogs, store, writing
from projections.task_logs.queries import ends, lines
from tests.support.pools import pool_of
from tests.support.waiting import until


@pytest.fixture
async def pool(database):
    async with pool_of(database) as pool:
        yield pool


@pytest.fixture
def logs(pool):
    return PostgresTaskLogs(pool, patience=10)


@pytest.fixture
def admin(database):
    with psycopg.connect(database, autocommit=True) as conn:
        yield conn


def closed(admin):
    return admin.execute("select task_id, opened, lines, digest, complete from ops.log_ends where closed_at is not null order by task_id").fetchall()


async def words(pool, task="task_1"):
    return [line["message"] for line in await lines(pool, task)]


async def test_the_first_line_opens_it_and_the_end_closes_it(pool, logs):
    log = await logs.open("task_1", 1, fresh=True)
    assert await ends(pool, ["task_1"]) == []
    log.line("one")
    log.line("two")
    await logs.close(log)
    assert await words(pool) == ["one", "two"]
    [end] = await ends(pool, ["task_1"])
    assert (end["lines"], end["complete"], end["closed_at"] is not None) == (2, True, True)


async def test_those_without_a_line_are_closed_many_at_a_time_and_followers_are_told(logs, admin):
    admin.execute("listen task_logs")
    for n in range(20):
        await logs.close(await logs.open(f"task_{n:02}", 1, fresh=True))
    await until(lambda: len(closed(admin)) == 20)
    told = [notice.payload for notice in admin.notifies(timeout=5, stop_after=20)]
    assert sorted(told) == [f"task_{n:02}" for n in range(20)]
    assert {row[1:] for row in closed(admin)} == {(1, 0, sha256(b"").digest(), True)}


async def test_after_its_end_lines_go_nowhere(logs, admin):
    log = await logs.open("task_1", 1, fresh=True)
    await logs.close(log)
    log.line("too late")
    await logs.close(log)
    await until(lambda: closed(admin))
    assert admin.execute("select count(*) from ops.log_chunks").fetchone() == (0,)


async def test_whoever_took_over_before_the_first_line_has_the_log(pool, logs):
    """An attempt that was silent so long that another took over: what it says then goes nowhere."""
    silent = await logs.open("task_1", 1, fresh=True)
    other = await logs.open("task_1", 1)
    silent.line("I am still here")
    other.line("no, I am")
    await logs.close(silent)
    await logs.close(other)
    assert await words(pool) == ["no, I am"]


async def test_an_opening_whose_answer_was_lost_is_its_own(pool, logs, monkeypatch):
    monkeypatch.setattr(writing, "AGAIN", 0.01)
    log = await logs.open("task_1", 1, fresh=True)
    real, tries = log._open, []

    async def opened_and_lost():
        tries.append(1)
        await real()
        if len(tries) == 1:
            log._opened = 0
            raise psycopg.OperationalError("gone")

    log._open = opened_and_lost
    log.line("once")
    await logs.close(log)
    assert (await words(pool), len(tries)) == (["once"], 2)


async def test_the_ends_of_those_without_a_line_wait_until_the_database_is_there(pool, admin, monkeypatch):
    monkeypatch.setattr(store, "AGAIN", 0.01)
    logs = PostgresTaskLogs(pool)
    admin.execute("alter table ops.log_ends rename to elsewhere")
    await logs.close(await logs.open("task_1", 1, fresh=True))
    await asyncio.sleep(store.COMPANY + 0.03)
    admin.execute("alter table ops.elsewhere rename to log_ends")
    await until(lambda: len(closed(admin)) == 1)


async def test_who_takes_an_attempt_over_says_that_lines_may_be_missing_also_where_none_is_stored(pool, logs):
    log = await logs.open("task_1", 1, fresh=False)
    await logs.close(log)
    assert await words(pool) == ["the log was interrupted here: lines may be missing"]
    [end] = await ends(pool, ["task_1"])
    assert not end["complete"]
