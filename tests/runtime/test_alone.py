"""One process at a time: who stands by, who takes over, and what happens to one that has lost its turn."""

import asyncio
import sys

import psycopg
import pytest

from adapters.runtime import alone as module
from adapters.runtime.alone import alone
from tests.event_store.facts import terminate
from tests.support.waiting import until

LOCK = 4711
HOLDER = """
import asyncio, sys
from adapters.runtime.alone import alone

async def run():
    print("mine", flush=True)
    await asyncio.Event().wait()

asyncio.run(alone(sys.argv[1], int(sys.argv[2]), run))
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "EVERY", 0.02)


class Turn:
    """Runs until it is stopped; knows whether it does."""

    def __init__(self, conninfo: str) -> None:
        self.running = 0
        self.task = asyncio.create_task(alone(conninfo, LOCK, self.run))

    async def run(self) -> None:
        self.running += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.running -= 1

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_of_two_one_runs_and_the_other_takes_over_when_it_ends(database):
    one = Turn(database)
    await until(lambda: one.running)
    other = Turn(database)
    await until(lambda: waiting(database) == 2)
    assert other.running == 0
    await one.end()
    await until(lambda: other.running)
    assert one.running == 0
    await other.end()


async def test_who_loses_the_connection_stops_and_says_so(database, admin):
    one = Turn(database)
    await until(lambda: one.running)
    terminate(admin, "tiangong turn")
    await asyncio.wait({one.task}, timeout=5)
    assert isinstance(one.task.exception(), psycopg.OperationalError)
    assert one.running == 0


async def test_who_comes_a_moment_too_early_does_not_stand_by_for_long(database, admin, monkeypatch):
    """The holder's end has not been noticed yet: its own next try, where it has only lost its connection."""
    monkeypatch.setattr(module, "EVERY", 3600)
    admin.execute("select pg_advisory_lock(%s)", (LOCK,))
    one = Turn(database)
    await until(lambda: tried(admin))
    admin.execute("select pg_advisory_unlock_all()")
    await until(lambda: one.running)
    await one.end()


async def test_a_killed_holder_is_replaced(database):
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLDER, database, str(LOCK), stdout=asyncio.subprocess.PIPE)
    try:
        assert await asyncio.wait_for(process.stdout.readline(), 20) == b"mine\n"
        other = Turn(database)
        await until(lambda: waiting(database) == 2)
        assert other.running == 0
    finally:
        process.kill()
        await process.wait()
    await until(lambda: other.running)
    await other.end()


async def test_an_error_of_what_runs_is_raised_and_the_turn_given_up(database):
    async def run() -> None:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        await alone(database, LOCK, run)
    other = Turn(database)
    await until(lambda: other.running)
    await other.end()


async def test_what_ends_by_itself_ends_it(database):
    async def run() -> None:
        return None

    await asyncio.wait_for(alone(database, LOCK, run), 5)


async def test_a_cancellation_from_within_is_not_taken_for_an_end(database):
    async def run() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await alone(database, LOCK, run)
    assert asyncio.current_task().cancelling() == 0


async def test_the_servers_role_may_take_a_turn(database):
    turn = Turn(psycopg.conninfo.make_conninfo(database, options="-c role=tiangong_server"))
    await until(lambda: turn.running)
    await turn.end()


def waiting(database: str) -> int:
    """How many are connected for a turn."""
    query = "select count(*) from pg_stat_activity where application_name = 'tiangong turn' and datname = current_database()"
    with psycopg.connect(database, autocommit=True) as conn:
        return conn.execute(query).fetchone()[0]


def tried(admin: psycopg.Connection) -> bool:
    """Somebody who is connected for a turn has looked whether it is free."""
    query = "select query from pg_stat_activity where application_name = 'tiangong turn' and datname = current_database()"
    return any("pg_try_advisory_lock" in found for (found,) in admin.execute(query))
