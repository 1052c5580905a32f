"""A worker: so many attempts side by side and no more, an orderly end, and what breaks off is taken up again."""

import asyncio
import time

import pytest
from psycopg import OperationalError

from adapters.queue import PostgresQueue
from adapters.runtime import worker as module
from adapters.runtime.slots import Slots
from adapters.runtime.worker import Worker
from application.ports.queue import Claim
from application.processes.execution import Begun, Times
from tests.support.waiting import until

TIMES = Times(lease=0.3)


class Runs:
    """Stands for the execution: each claim runs until its gate opens, or fails, or steps aside."""

    def __init__(self, queue: PostgresQueue) -> None:
        self.queue, self.began, self.ended, self.cut = queue, [], [], []
        self.gate, self.failing, self.slots = asyncio.Event(), set(), None

    async def begin(self, claims: list[Claim]) -> list[Begun]:
        return [Begun(None, claim) for claim in claims]

    async def carry(self, begun: Begun, also) -> None:
        claim = begun.claim
        self.began.append(claim.task)
        if claim.task in self.failing:
            self.failing.discard(claim.task)
            raise KeyError("broken")
        try:
            if self.slots:
                async with self.slots.aside():
                    await self.gate.wait()
            else:
                await self.gate.wait()
        except asyncio.CancelledError:
            self.cut.append(claim.task)
            raise
        self.ended.append(claim.task)
        await self.queue.done(claim)


@pytest.fixture
async def queue(pool, database):
    queue = PostgresQueue(pool, database)
    yield queue
    await queue.close()


@pytest.fixture
async def runs(queue):
    return Runs(queue)


@pytest.fixture
async def worker(queue, runs):
    worker = Worker(queue, runs, "w1", Slots(2), TIMES)
    loop = asyncio.create_task(worker.run())
    worker.loop = loop
    yield worker
    await worker.drain(0)
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


async def test_it_runs_as_many_as_it_has_slots_and_takes_the_next_when_one_ends(queue, runs, worker):
    for n in range(5):
        await queue.put(f"task_{n}", 1)
    await until(lambda: len(runs.began) == 2)
    assert await queue.claim("w2", 30, 0) is not None  # the others are free for others
    assert len(runs.began) == 2
    runs.gate.set()
    await until(lambda: len(runs.ended) == 4)


async def test_what_breaks_off_is_logged_and_taken_up_again_when_its_lease_has_run_out(queue, runs, worker, caplog):
    runs.failing, _ = {"task_1"}, runs.gate.set()
    began = time.monotonic()
    await queue.put("task_1", 1)
    await until(lambda: runs.ended == ["task_1"])
    assert (runs.began, time.monotonic() - began >= TIMES.lease) == (["task_1", "task_1"], True)
    assert ["task_1-1" in record.getMessage() for record in caplog.records if record.name == module.__name__] == [True]


async def test_a_broken_one_gives_its_slot_back(queue, runs, worker):
    runs.failing = {f"task_{n}" for n in range(4)}
    for n in range(4):
        await queue.put(f"task_{n}", 1)
    await until(lambda: not runs.failing)
    runs.gate.set()
    await until(lambda: len(runs.ended) == 4)


async def test_who_steps_aside_lets_others_in_and_waits_for_a_slot_to_go_on(queue, runs, worker):
    runs.slots = worker._slots
    for n in range(6):
        await queue.put(f"task_{n}", 1)
    await until(lambda: len(runs.began) == 6)
    runs.gate.set()
    await until(lambda: len(runs.ended) == 6)
    runs.slots, runs.gate = None, asyncio.Event()
    for n in range(6, 10):
        await queue.put(f"task_{n}", 1)
    await until(lambda: len(runs.began) == 8)
    assert await queue.claim("w2", 30, 0) is not None
    assert len(runs.began) == 8  # two slots, as before


async def test_who_is_cut_off_while_aside_leaves_the_count_as_it_was():
    slots = Slots(1)
    await slots.take()

    async def holder() -> None:
        try:
            async with slots.aside():
                await asyncio.Event().wait()
        finally:
            slots.give()

    task = asyncio.create_task(holder())
    await asyncio.wait_for(slots.take(), 1)  # stepped aside: the slot is ours
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(slots.take(), 0.01)
    slots.give()
    await asyncio.wait_for(slots.take(), 1)


async def test_draining_lets_what_runs_come_to_its_end_and_takes_nothing_new(queue, runs, worker):
    await queue.put("task_1", 1)
    await until(lambda: runs.began == ["task_1"])
    draining = asyncio.create_task(worker.drain(10))
    await asyncio.sleep(0)
    await queue.put("task_2", 1)
    runs.gate.set()
    await asyncio.wait_for(draining, 5)
    await asyncio.wait({worker.loop}, timeout=7)
    assert (runs.began, runs.ended, runs.cut, worker.loop.done()) == (["task_1"], ["task_1"], [], True)


async def test_what_was_claimed_at_the_moment_of_draining_is_free_at_once(queue, runs, database, pool):
    class Late:
        """A claim that arrives after its asker was told to end."""

        def __init__(self) -> None:
            self.worker, self.renew = None, queue.renew

        async def claim_many(self, worker, lease_seconds, wait_seconds, most):
            claims = await queue.claim_many(worker, 60, 0, most)
            await self.worker.drain(0)
            return claims

    late = Late()
    late.worker = Worker(late, runs, "w1", Slots(1), TIMES)
    await queue.put("task_1", 1)
    await asyncio.wait_for(late.worker.run(), 5)
    assert runs.began == []
    claim = await queue.claim("w2", 30, 0)
    assert claim is not None and claim.task == "task_1"  # noqa: PT018


async def test_what_does_not_end_in_time_is_cut_off_and_left_to_the_next(queue, runs, worker):
    await queue.put("task_1", 1)
    await until(lambda: runs.began)
    await asyncio.wait_for(worker.drain(0.05), 2)
    assert runs.cut == ["task_1"]
    claim = await queue.claim("w2", 30, 2)
    assert claim is not None


async def test_draining_has_an_end_whatever_hangs(queue, monkeypatch):
    monkeypatch.setattr(module, "FAREWELL", 0.05)
    hanging, gate = asyncio.Event(), asyncio.Event()

    class Stubborn(Runs):
        async def carry(self, begun, also):
            hanging.set()
            try:
                await gate.wait()
            except asyncio.CancelledError:
                await gate.wait()

    worker = Worker(queue, Stubborn(queue), "w1", Slots(1), TIMES)
    loop = asyncio.create_task(worker.run())
    await queue.put("task_1", 1)
    await hanging.wait()
    await asyncio.wait_for(worker.drain(0.01), 2)
    gate.set()
    await until(lambda: not worker._running)
    await asyncio.wait({loop}, timeout=6)


async def test_a_lost_database_ends_the_loop_for_its_supervisor_and_no_slot_is_lost(queue, runs):
    class Away:
        errors = 3

        async def claim_many(self, worker, lease_seconds, wait_seconds, most):
            if self.errors:
                self.errors -= 1
                raise OperationalError("gone")
            return await queue.claim_many(worker, lease_seconds, wait_seconds, most)

    worker = Worker(Away(), runs, "w1", Slots(1), TIMES)
    for _ in range(3):
        with pytest.raises(OperationalError):
            await worker.run()
    loop = asyncio.create_task(worker.run())
    await queue.put("task_1", 1)
    runs.gate.set()
    await until(lambda: runs.ended == ["task_1"])
    await worker.drain(1)
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
