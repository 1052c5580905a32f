"""The event loop carries the batches as long as all is well, the writer's thread whatever is not: whoever has one, each is stored once."""

import asyncio
import concurrent.futures
import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from adapters.event_store.command import Command
from adapters.event_store.log import PostgresLog
from adapters.event_store.mapper import to_fact
from adapters.event_store.writer import Writer
from application.ports.log import Appended
from tests.event_store.facts import ORIGIN, Connections, append, assert_whole, fact, head_held, waiting_writers
from tests.support.waiting import until, wait_until


def from_thread(writer: Writer) -> Appended:
    """An append by a caller that has no event loop."""
    answer: concurrent.futures.Future[Appended] = concurrent.futures.Future()
    writer.submit(Command([to_fact(fact())], uuid4(), ORIGIN, b"", answer))
    return answer.result(20)


async def test_the_thread_takes_over_from_a_loop_that_stands_still(log, database, admin):
    await append(log, fact())
    with head_held(database):
        stuck = asyncio.create_task(append(log, fact()))
        await until(lambda: waiting_writers(admin) == 1)
    with ThreadPoolExecutor(1) as pool:  # the loop does nothing else until both are stored
        other = pool.submit(from_thread, log.writer)
        wait_until(lambda: log.writer.commands == 3)
    assert {(await stuck).position, other.result().position} == {2, 3}
    assert (await append(log, fact())).position == 4


async def test_a_loop_that_stands_still_is_noticed_also_where_others_call_the_thread_all_the_time(log, database, admin):
    await append(log, fact())
    with head_held(database):
        stuck = asyncio.create_task(append(log, fact()))
        await until(lambda: waiting_writers(admin) == 1)
    others: list[concurrent.futures.Future[Appended]] = []

    def one_more_and_are_all_stored() -> bool:
        others.append(concurrent.futures.Future())
        log.writer.submit(Command([to_fact(fact())], uuid4(), ORIGIN, b"", others[-1]))
        return log.writer.commands > 2

    with ThreadPoolExecutor(1) as pool:
        pool.submit(wait_until, one_more_and_are_all_stored, 5).result()
    assert (await stuck).position == 2
    assert [each.result(5).position for each in others] == list(range(3, len(others) + 3))


async def test_what_a_loop_has_queued_and_does_not_send_is_sent_by_the_thread(log):
    await append(log, fact())
    task = asyncio.create_task(append(log, fact()))
    await asyncio.sleep(0)  # it has queued; the loop would send it in its next turn
    assert log.writer.queued == 1
    with ThreadPoolExecutor(1) as pool:
        pool.submit(from_thread, log.writer)
        wait_until(lambda: log.writer.commands == 3)
    assert (await task).position == 2


def test_loops_and_threads_share_a_writer(database, admin):
    with contextlib.closing(Writer(Connections(database))) as writer:
        async def many() -> list[Appended]:
            log = PostgresLog(database, writer=writer)
            return [each for _ in range(10) for each in await asyncio.gather(*(append(log, fact()) for _ in range(20)))]

        with ThreadPoolExecutor(6) as pool:
            loops = [pool.submit(asyncio.run, many()) for _ in range(3)]
            threads = [pool.submit(lambda: [from_thread(writer) for _ in range(50)]) for _ in range(3)]
            found = [each.position for one in (*loops, *threads) for each in one.result(60)]
    assert sorted(found) == list(range(1, 751))
    assert_whole(admin, 750)


async def test_a_batch_that_does_not_fit_into_the_socket_is_stored_like_any_other(log, admin):
    await append(log, fact())
    large = [fact(f"large_{n}", name="x" * 2_000_000) for n in range(4)]
    assert [each.position for each in await asyncio.gather(*(append(log, each) for each in large))] == [2, 3, 4, 5]
    assert await log.stream("large_3") == [large[3]]
    assert_whole(admin, 5)


async def test_a_mistake_in_a_batch_of_the_loop_reaches_its_callers_and_the_next_one_is_stored(log):
    await append(log, fact())
    answer = asyncio.get_running_loop().create_future()
    command = Command([to_fact(fact())], uuid4(), ORIGIN, b"", answer)
    command.rows = [None]
    log.writer.submit(command)
    with pytest.raises(TypeError):
        await answer
    assert (await append(log, fact())).position == 2


def test_loops_that_come_and_go_leave_nothing_open(database):
    with contextlib.closing(Writer(Connections(database))) as writer:
        asyncio.run(append(PostgresLog(database, writer=writer), fact()))
        before = open_files()
        for position in range(2, 12):
            assert asyncio.run(append(PostgresLog(database, writer=writer), fact())).position == position
        assert open_files() <= before + 1  # the one by which a loop listens, which the first append had no need of


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))
