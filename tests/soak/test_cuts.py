"""Sockets cut and backends killed in the middle of commits: no acknowledgement lost, no event doubled, no false conflict."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

import psycopg
import pytest

from adapters.event_store.connections import connect
from adapters.event_store.follower import Follower
from adapters.event_store.log import PostgresLog
from adapters.event_store.writer import Writer
from tests.bench.measure import percentile
from tests.event_store.facts import assert_whole, terminate
from tests.event_store.tail import Tail
from tests.soak.callers import Told, callers
from tests.soak.proxy import MOMENTS, Proxy
from tests.support.postgres import Databases
from tests.support.waiting import until

NAME = "tiangong log writer"
WRITERS = 3
KILL, TERMINATE = "backend killed", "backend terminated"
WAYS = (*MOMENTS * 2, TERMINATE, TERMINATE, KILL)


async def test_twenty_cuts_in_the_middle_of_commits_lose_and_double_nothing(shaken, seed, capsys):
    await campaign(shaken, 20, seed, capsys)


@pytest.mark.soak
async def test_five_hundred_cuts_in_the_middle_of_commits_lose_and_double_nothing(shaken, seed, capsys):
    await campaign(shaken, 500, seed, capsys)


async def campaign(databases: Databases, cuts: int, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    began, database = time.monotonic(), databases.create()
    with capsys.disabled():
        print(f"\n{cuts} cuts with the seed {seed}", flush=True)
    try:
        figures = await carried_out(database, cuts, random.Random(seed))
    finally:
        databases.drop(database)
    with capsys.disabled():
        print(f"{cuts} cuts, seed {seed}, {time.monotonic() - began:.0f} s: {figures}", flush=True)


async def carried_out(database: str, cuts: int, chance: random.Random) -> str:
    told, ways, waited = Told(), Counter[str](), list[float]()
    async with Proxy(database) as proxy, opened(proxy.conninfo) as (logs, hasty):
        with Tail(Follower(database, 0)) as tail:
            async with callers(logs, hasty, told) as at_work:
                for number in range(3 * cuts):  # some find nobody connected
                    way = WAYS[number] if number < len(WAYS) else chance.choice(WAYS)
                    await asyncio.sleep(chance.uniform(0, 0.03))
                    if await strike(proxy, database, way, chance):
                        ways[way] += 1
                        waited.append(await goes_on(told, at_work))
                    if len(waited) == cuts:
                        break
            with psycopg.connect(database, autocommit=True) as admin:
                stored = judged(admin, told)
            head = sum(count for _, count in stored.values())
            await until(lambda: tail.positions[-1:] == [head] or len(tail.positions) >= head, 60)
            await ids_tell_what_came_of_it(logs[0], told, set(stored))
    assert tail.positions == list(range(1, head + 1)), "the follower has missed or doubled something"
    assert len(waited) == cuts, f"hardly a cut hit something: {ways}"
    writers = [log.writer for log in logs]
    resent, rescued = sum(writer.resent for writer in writers), sum(writer.rescued for writer in writers)
    assert rescued, "no outcome was ever unknown"
    return (f"{len(waited)} hit ({', '.join(f'{count} {way}' for way, count in ways.most_common())}); batches resent {resent}, "
            f"commands rescued {rescued}; acknowledged {len(told.acknowledged)} commands, {head} events; asked again {told.asked_again}, "
            f"told unknown {len(told.unknown)} (of them stored {len(told.unknown & stored.keys())}), real conflicts {len(told.lost)}; "
            f"lost 0, doubled 0, false conflicts 0; the follower connected again {tail.follower.reconnects} times; next acknowledgement after "
            f"a cut in p50 {percentile(waited, .5) * 1000:.0f}, p99 {percentile(waited, .99) * 1000:.0f}, max {max(waited) * 1000:.0f} ms")


@asynccontextmanager
async def opened(conninfo: str) -> AsyncIterator[tuple[list[PostgresLog], list[PostgresLog]]]:
    """Logs with a writer each, and a second one on each writer with a short deadline."""
    async with contextlib.AsyncExitStack() as stack:
        logs, hasty = [], []
        for _ in range(WRITERS):
            writer = stack.enter_context(contextlib.closing(Writer(partial(connect, conninfo, NAME))))
            logs.append(await stack.enter_async_context(PostgresLog(conninfo, deadline=5, writer=writer)))
            hasty.append(await stack.enter_async_context(PostgresLog(conninfo, deadline=0.1, writer=writer)))
        yield logs, hasty


async def strike(proxy: Proxy, database: str, way: str, chance: random.Random) -> bool:
    """Hit one of the writers' connections, or its backend. False where none was there."""
    if way in MOMENTS:
        links = proxy.named(NAME)
        return await proxy.cut([chance.choice(links)], way) > 0 if links else False
    with psycopg.connect(database, autocommit=True) as admin:
        if way == TERMINATE:
            return terminate(admin, NAME) > 0
        found = admin.execute("select pid from pg_stat_activity where application_name = %s order by pid", (NAME,)).fetchall()
    if not found:
        return False
    os.kill(chance.choice(found)[0], signal.SIGKILL)  # the server ends all its processes, and recovers from its log
    await crashed_and_back(database)
    return True


async def crashed_and_back(database: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(psycopg.OperationalError):
            async with await psycopg.AsyncConnection.connect(database, connect_timeout=2):
                return
        await asyncio.sleep(0.01)
    raise AssertionError(f"the database did not come back within {seconds} s")


async def goes_on(told: Told, at_work: list[asyncio.Task[None]]) -> float:
    """Seconds until the next acknowledgement; returns after more of them than can have been on their way."""
    before, began = len(told.acknowledged), time.monotonic()
    await until(lambda: len(told.acknowledged) > before or any(task.done() for task in at_work), 30)
    first = time.monotonic() - began
    await until(lambda: len(told.acknowledged) > before + len(at_work) or any(task.done() for task in at_work), 30)
    for task in at_work:
        assert not task.done() or not task.exception(), f"a caller heard {task.exception()!r}"
    assert told.false == []
    return first


def judged(admin: psycopg.Connection, told: Told) -> dict[UUID, tuple[int, int]]:
    """What is stored is what the callers were told: where each command's events stand."""
    assert told.false == []
    rows = admin.execute("select command_id, first_position, events from log.stored_events_commands").fetchall()
    stored = {command: (first, count) for command, first, count in rows}
    assert len(stored) == len(rows)
    wrong = {command: place for command, place in told.acknowledged.items() if stored.get(command) != place}
    assert wrong == {}, "acknowledged, and not stored where it was said"
    assert stored.keys() <= told.acknowledged.keys() | told.unknown, "stored, and nobody was told"
    assert not stored.keys() & told.lost, "told that it had lost, and stored"
    versions = dict(admin.execute("select originator_id, array_agg(originator_version order by originator_version) from log.stored_events "
                                  "where originator_id like 'own\\_%' group by 1").fetchall())
    assert versions == {stream: list(range(1, last + 1)) for stream, last in told.owned.items() if last}
    streams = dict(admin.execute("select c.command_id, array_agg(e.originator_id order by e.notification_id) from log.stored_events_commands c "
                                 "join log.stored_events e on e.notification_id between c.first_position and c.first_position + c.events - 1 "
                                 "group by 1").fetchall())
    assert streams == {command: told.asked[command] for command in stored}, "a command's events are not the ones it asked for"
    assert_whole(admin)
    return stored


async def ids_tell_what_came_of_it(log: PostgresLog, told: Told, stored: set[UUID]) -> None:
    """Whoever was told that nobody knows finds out by the command's id: all of it, or nothing."""
    for command in list(told.unknown)[:500]:
        events = await log.command(command)
        assert (events is not None) is (command in stored)
        assert events is None or [event.stream for event in events] == told.asked[command]
