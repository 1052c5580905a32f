"""Followers: everything, in order, once, whatever happens to the connection."""

import asyncio
import contextlib
import threading
from contextlib import closing

import psycopg
import pytest

from adapters.event_store.follower import Follower
from adapters.event_store.reading import Gap
from tests.event_store.facts import append, database_away, fact, terminate
from tests.event_store.tail import Tail
from tests.support.waiting import until, wait_until


async def test_a_follower_reads_on_from_its_position_in_batches(log, database):
    await append(log, *(fact() for _ in range(7)))
    follower = Follower(database, position=2, batch=3)
    with closing(follower.batches(threading.Event())) as batches:
        assert [record.position for record in next(batches)] == [3, 4, 5]
        assert follower.position == 2  # until the next batch is asked for, this one may not have been dealt with
        assert [record.position for record in next(batches)] == [6, 7]
        assert follower.position == 5


async def test_news_wake_a_waiting_follower(log, database):
    with Tail(Follower(database, 0, idle=60)) as tail:
        await until(lambda: tail.batches >= 1)
        await append(log, fact(), fact())
        await until(lambda: tail.positions == [1, 2], 5)
        tail.stop.set()
        await append(log, fact())  # wakes it, so that it sees the stop


def test_without_news_a_follower_yields_nothing_now_and_then_and_stops_when_told(database):
    stop = threading.Event()
    batches = Follower(database, 0, idle=0.01).batches(stop)
    assert [next(batches) for _ in range(3)] == [[], [], []]
    stop.set()
    assert list(batches) == []


async def test_several_followers_each_see_everything(log, database):
    with contextlib.ExitStack() as stack:
        tails = [stack.enter_context(Tail(Follower(database, 0, batch=3))) for _ in range(3)]
        await asyncio.gather(*(append(log, fact(), fact()) for _ in range(20)))
        await until(lambda: all(tail.positions == list(range(1, 41)) for tail in tails))


async def test_a_follower_that_is_killed_again_and_again_under_load_misses_nothing(log, database, admin):
    running = True

    async def caller() -> None:
        while running:
            await append(log, fact(), fact())

    with Tail(Follower(database, 0, batch=50)) as tail:
        callers = [asyncio.create_task(caller()) for _ in range(16)]
        for kill in range(40):
            await until(lambda kill=kill: tail.follower.reconnects >= kill and terminate(admin, "tiangong log follower"))
            seen = len(tail.positions)
            await until(lambda seen=seen: len(tail.positions) > seen)
        running = False
        await asyncio.gather(*callers)
        head = admin.execute("select position from log.stored_events_head").fetchone()[0]
        await until(lambda: len(tail.positions) >= head)
        assert tail.positions == list(range(1, head + 1))
        assert tail.follower.reconnects >= 40


async def test_a_follower_waits_for_a_database_that_is_away_and_still_gives_signs_of_life(log, databases, database):
    with Tail(Follower(database, 0)) as tail:
        await append(log, fact())
        await until(lambda: tail.positions == [1])
        with database_away(databases.admin, database):
            seen = tail.batches
            await until(lambda: tail.batches >= seen + 3)
        await append(log, fact())
        await until(lambda: tail.positions == [1, 2])


async def test_a_gap_stops_the_follower(log, database, admin):
    for _ in range(3):
        await append(log, fact())
    admin.execute("alter table log.stored_events disable trigger all; update log.stored_events set notification_id = 9 where notification_id = 2")
    try:
        with pytest.raises(Gap, match="position 2"):
            next(Follower(database, 0).batches(threading.Event()))
    finally:
        admin.execute("update log.stored_events set notification_id = 2 where notification_id = 9; alter table log.stored_events enable trigger all")


async def test_a_log_that_ends_before_the_position_is_another_log(log, database):
    await append(log, fact())
    with pytest.raises(Gap, match="ends at 1, before position 5"):
        next(Follower(database, 5).batches(threading.Event()))


def test_what_no_new_connection_mends_is_raised(empty_database):
    with pytest.raises(psycopg.errors.UndefinedTable):
        next(Follower(empty_database, 0).batches(threading.Event()))


async def test_the_servers_role_may_follow(log, as_server):
    await append(log, fact())
    with closing(Follower(as_server, 0).batches(threading.Event())) as batches:
        assert [record.position for record in next(batches)] == [1]


def test_a_follower_ends_while_the_database_is_away(databases, database):
    with Tail(Follower(database, 0)) as tail:
        wait_until(lambda: tail.batches)
        with database_away(databases.admin, database):
            wait_until(lambda: tail.follower.reconnects >= 2)
            tail.close()
        assert not tail.alive
