"""A projection that is slow, or stands still, never slows a command."""

import asyncio
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from uuid import uuid4

import psycopg
import pytest

from adapters.event_store.follower import Follower
from adapters.event_store.log import PostgresLog
from adapters.event_store.reading import read
from projections.catalogue import PROJECTIONS
from projections.engine.check import check
from projections.engine.projector import Projector
from tests.projections.facts import origin_of, planned
from tests.support.waiting import until

COMMANDS, CALLERS = 200, 8


@contextmanager
def projecting(database: str) -> Iterator[threading.Thread]:
    """A follower and a projector in a thread, which go on after a lock was waited for too long."""
    stop = threading.Event()

    def run() -> None:
        with closing(Projector(database, PROJECTIONS)) as projector:
            while not stop.is_set():
                try:
                    for batch in Follower(database, projector.position, idle=0.05).batches(stop):
                        projector.apply(batch)
                except psycopg.errors.LockNotAvailable:
                    continue

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(30)


async def commands(log: PostgresLog, prefix: str) -> list[float]:
    """Seconds that each took, by so many callers at once."""
    numbers, seconds = iter(range(COMMANDS)), []

    async def caller() -> None:
        for number in numbers:
            began = time.perf_counter()
            await log.append([planned(f"dep_{prefix}{number}", tasks=())], uuid4(), origin_of("usr_ann", 7))
            seconds.append(time.perf_counter() - began)

    async with asyncio.timeout(60):
        await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return seconds


def position(admin: psycopg.Connection) -> int:
    return admin.execute("select position from positions where name = 'views'").fetchone()[0]


@pytest.mark.parametrize("held", ["positions", "audit_logs", "deployments"])
async def test_commands_go_on_as_fast_while_the_read_models_stand_still(database: str, admin: psycopg.Connection, held: str):
    async with PostgresLog(database) as log:
        with projecting(database) as thread:
            free = await commands(log, "free")
            await until(lambda: position(admin) == COMMANDS, 30)
            with psycopg.connect(database) as holder:
                holder.execute(f"lock table views.{held} in exclusive mode")  # until all commands are done: whoever waits for it waits for ever
                standing = await commands(log, "held")
                assert position(admin) == COMMANDS
            assert thread.is_alive()
            await until(lambda: position(admin) == 2 * COMMANDS, 30)
    assert statistics.median(standing) < max(3 * statistics.median(free), 0.05)
    assert check(database, read, PROJECTIONS).ok


async def test_commands_go_on_while_a_large_batch_is_written(database: str, admin: psycopg.Connection):
    """The projector is in the middle of its transaction, and holds what it holds there."""
    async with PostgresLog(database) as log:
        first = await commands(log, "first")
        with psycopg.connect(database) as holder, closing(Projector(database, PROJECTIONS)) as projector:
            holder.execute("lock table views.audit_logs in exclusive mode")
            with closing(Follower(database, 0).batches(threading.Event())) as batches:
                batch = next(batches)
            writing = asyncio.create_task(asyncio.to_thread(projector.apply, batch))
            await until(lambda: admin.execute("select count(*) from pg_stat_activity where wait_event_type = 'Lock'").fetchone()[0], 10)
            meanwhile = await commands(log, "more")
            assert not writing.done()
            holder.rollback()
            assert await writing == COMMANDS
    assert statistics.median(meanwhile) < max(3 * statistics.median(first), 0.05)
