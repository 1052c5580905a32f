"""The work queue on a real PostgreSQL: claims, leases, and waiting without looking all the time."""

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import chain
from uuid import UUID

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from adapters.queue import postgres as module
from adapters.queue.bell import NAME
from adapters.queue.postgres import PostgresQueue
from application.ports.queue import Claim, Entry, kept_lease
from domain.recorded import Cause
from tests.soak.proxy import Proxy
from tests.support.pools import pool_of
from tests.support.waiting import until


@pytest.fixture
async def pool(database: str) -> AsyncIterator[AsyncConnectionPool]:
    async with pool_of(database) as pool:
        yield pool


@pytest.fixture
async def queue(pool: AsyncConnectionPool, database: str) -> AsyncIterator[PostgresQueue]:
    queue = PostgresQueue(pool, database)
    yield queue
    await queue.close()


def listeners(admin: str) -> list[int]:
    with psycopg.connect(admin, autocommit=True) as conn:
        return [pid for (pid,) in conn.execute("select pid from pg_stat_activity where application_name = %s and query like 'listen%%'", (NAME,))]


async def take(queue: PostgresQueue, worker: str = "w1", lease: float = 30, wait: float = 0) -> Claim | None:
    return await queue.claim(worker, lease, wait)


async def test_the_oldest_entry_comes_first_and_each_goes_to_one_claimer(queue):
    for n in (1, 2):
        await queue.put(f"task_{n}", 1)
    first, second, third = await take(queue), await take(queue), await take(queue)
    assert first is not None
    assert second is not None
    assert [(first.task, first.attempt), (second.task, second.attempt), third] == [("task_1", 1), ("task_2", 1), None]
    assert first.lease != second.lease


async def test_many_claimers_of_several_processes_never_get_the_same_entry(pool, database):
    queues = [PostgresQueue(pool, database) for _ in range(4)]
    for n in range(40):
        await queues[0].put(f"task_{n}", 1)

    async def work(queue: PostgresQueue) -> list[str]:
        taken = []
        while claim := await take(queue):
            taken.append(claim.task)
        return taken

    taken = await asyncio.gather(*(work(queue) for queue in queues for _ in range(2)))
    assert sorted(chain.from_iterable(taken)) == sorted(f"task_{n}" for n in range(40))
    for queue in queues:
        await queue.close()


async def test_an_entry_offered_again_changes_nothing(queue):
    await queue.put("task_1", 1)
    claim = await take(queue)
    await queue.put("task_1", 1)
    assert await take(queue) is None
    await queue.done(claim)
    assert await take(queue) is None
    await queue.put("task_1", 1)  # after its end it comes back: the Task knows that it is over
    assert await take(queue)


async def test_a_put_wakes_whoever_waits_at_once(queue):
    waiting = [asyncio.create_task(take(queue, wait=20)) for _ in range(2)]
    await asyncio.sleep(0.05)
    began = time.monotonic()
    await queue.put("task_1", 1)
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    assert [task.result().task for task in done] == ["task_1"]
    assert time.monotonic() - began < 2
    await queue.put("task_2", 1)
    assert {task.task for task in await asyncio.gather(*waiting)} == {"task_1", "task_2"}


async def test_who_waits_in_vain_gets_nothing_after_the_time_it_gave(queue):
    began = time.monotonic()
    assert await take(queue, wait=0.3) is None
    assert 0.3 <= time.monotonic() - began < 3


async def test_a_waiting_claimer_asks_the_database_nothing(queue, pool, database):
    waiting = asyncio.create_task(take(queue, wait=1.5))
    await until(lambda: listeners(database))
    await asyncio.sleep(0.3)
    before = pool.get_stats()["requests_num"]
    await asyncio.sleep(0.7)
    assert pool.get_stats()["requests_num"] == before
    assert await waiting is None


async def test_a_lease_that_runs_out_wakes_the_next_claimer(queue):
    await queue.put("task_1", 1)
    lost = await take(queue, "w1", lease=0.4)
    began = time.monotonic()
    found = await take(queue, "w2", wait=20)
    assert found
    assert found.lease != lost.lease
    assert time.monotonic() - began < 3
    assert not await queue.renew(lost, 30)
    await queue.done(lost)  # no longer ours: it stays
    assert await queue.renew(found, 30)


async def test_a_renewed_lease_is_not_taken(queue):
    await queue.put("task_1", 1)
    claim = await take(queue, lease=0.3)
    waiting = asyncio.create_task(take(queue, "w2", wait=1.0))
    assert await queue.renew(claim, 30)
    assert await waiting is None
    await queue.done(claim)
    assert await take(queue) is None


async def test_a_killed_listener_listens_again(queue, database):
    waiting = asyncio.create_task(take(queue, wait=20))
    await until(lambda: listeners(database))
    [old] = listeners(database)
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("select pg_terminate_backend(%s)", (old,))
    await until(lambda: listeners(database) not in ([], [old]))
    began = time.monotonic()
    await queue.put("task_1", 1)
    claim = await waiting
    assert claim
    assert claim.task == "task_1"
    assert time.monotonic() - began < 3


async def test_what_was_put_while_nobody_listened_is_found_on_coming_back(queue, pool, database):
    waiting = asyncio.create_task(take(queue, wait=20))
    await until(lambda: listeners(database))
    async with pool.connection() as conn:  # the listener is gone before the notice is sent
        await conn.execute("select pg_terminate_backend(%s)", (listeners(database)[0],))
        await conn.execute("insert into ops.work_queue (task_id, attempt) values ('task_1', 1)")
    claim = await waiting
    assert claim
    assert claim.task == "task_1"


async def test_a_cancelled_claimer_leaves_the_queue_in_order(queue):
    waiting = asyncio.create_task(take(queue, wait=20))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await queue.put("task_1", 1)
    assert await take(queue, wait=5)


async def test_many_are_claimed_at_once_the_oldest_first_and_know_their_cause(queue):
    cause = Cause(UUID(int=1), UUID(int=2))
    await queue.change([Entry(f"task_{n}", 1, cause) for n in range(5)], [])
    claims = await queue.claim_many("w1", 30, 0, lambda: 3)
    assert sorted(claim.task for claim in claims) == ["task_0", "task_1", "task_2"]
    assert {(claim.cause, claim.fresh, claim.kept) for claim in claims} == {(cause, True, False)}
    assert len(await queue.claim_many("w2", 30, 0, lambda: 9)) == 2


async def test_how_many_is_asked_at_each_look(queue):
    free = [1]
    waiting = asyncio.create_task(queue.claim_many("w1", 30, 20, lambda: free[0]))
    await asyncio.sleep(0.05)
    free[0] = 4
    await queue.change([Entry(f"task_{n}", 1) for n in range(5)], [])
    assert len(await waiting) == 4


async def test_many_changes_are_one_and_what_is_over_is_gone_whoever_held_it(queue):
    await queue.put("task_1", 1)
    claim = await take(queue)
    await queue.change([Entry("task_2", 1), Entry("task_1", 1)], [("task_1", 1), ("task_9", 1)])
    assert not await queue.renew(claim, 30)
    assert {one.task for one in await queue.claim_many("w1", 30, 0, lambda: 9)} <= {"task_1", "task_2"}


async def test_an_entry_that_is_its_holders_already_is_free_when_his_lease_runs_out(queue, monkeypatch):
    monkeypatch.setattr(module, "FIRST_LEASE", 0.3)
    waiting = asyncio.create_task(take(queue, "w2", wait=20))
    await asyncio.sleep(0.05)
    began = time.monotonic()
    await queue.change([Entry("task_1", 1, None, kept_lease("task_1", 1, 7), "w1")], [])
    claim = await waiting
    assert claim is not None
    assert (claim.task, claim.fresh, 0.25 <= time.monotonic() - began < 3) == ("task_1", False, True)


async def test_an_attempt_that_never_came_from_the_queue_gets_its_entry_by_being_renewed(queue):
    kept = Claim("task_1", 1, kept_lease("task_1", 1, 1), kept=True)
    assert await queue.renew(kept, 30)
    await queue.put("task_1", 1)
    assert await take(queue) is None
    assert await queue.renew(kept, 30)


async def test_it_is_not_taken_from_a_claimer_but_he_leaves_it_to_its_holder(queue):
    kept = Claim("task_1", 1, kept_lease("task_1", 1, 1), kept=True)
    await queue.put("task_1", 1)
    claim = await take(queue, "w2")
    assert not await queue.renew(kept, 30)
    await queue.leave_to(claim, kept.lease, "w1", 30)
    assert await queue.renew(kept, 30)
    assert not await queue.renew(claim, 30)


@pytest.mark.parametrize("moment", ["sent", "answered", "half answered"])
async def test_a_claim_whose_answer_was_lost_is_had_again_at_once(database, moment):
    async with Proxy(database) as proxy, pool_of(proxy.conninfo, size=1) as pool:
        queue = PostgresQueue(pool, database)
        await queue.put("task_1", 1)
        [link] = proxy.links
        cutting = asyncio.create_task(proxy.cut([link], moment, patience=10))
        await until(lambda: link.moment)
        with pytest.raises(psycopg.OperationalError):
            await take(queue, lease=3600)
        await cutting
        claim = await take(queue, lease=3600, wait=10)
        assert claim is not None
        assert (claim.task, claim.fresh) == ("task_1", True)
        assert await take(queue) is None
        assert await queue.renew(claim, 30)
        await queue.close()


async def test_a_claim_that_was_heard_of_is_not_taken_again_by_who_lost_another(database):
    async with Proxy(database) as proxy, pool_of(proxy.conninfo, size=1) as pool:
        queue = PostgresQueue(pool, database)
        await queue.put("task_1", 1)
        held = await take(queue)
        await queue.put("task_2", 1)
        [link] = proxy.links
        cutting = asyncio.create_task(proxy.cut([link], "answered", patience=10))
        await until(lambda: link.moment)
        with pytest.raises(psycopg.OperationalError):
            await take(queue)
        await cutting
        again = await take(queue, wait=10)
        assert again is not None
        assert (held.task, again.task) == ("task_1", "task_2")
        assert await take(queue) is None
        await queue.close()
