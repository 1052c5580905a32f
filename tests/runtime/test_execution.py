"""The execution on a real queue and a real log: what it does while it stops something, when it loses sight, when an end cannot be told."""

import asyncio
from dataclasses import replace

import pytest

from adapters.deployers.memory import MemoryDeployer
from adapters.queue import PostgresQueue
from application.house import Contended
from application.ports.executor import Aborted, Outcome, Transient
from application.ports.log import LogUnavailable
from application.ports.queue import Claim
from application.processes import telling
from domain.errors import Refused
from tests.runtime.party import TIMES, by, ended, execution, holds, party
from tests.soak.proxy import Proxy
from tests.support.pools import pool_of
from tests.support.waiting import until


@pytest.fixture
async def w(database, target):
    async with party(database, target, times=TIMES) as made:
        yield made


async def claimed(w, lease: float = TIMES.lease):
    """A deployment whose deploy task somebody has just claimed."""
    id = await w.deploy()
    task = await w.task(id)
    await w.queue.put(task, 1)
    claim = await w.queue.claim("w1", lease, 0)
    assert claim is not None
    return id, task, claim


async def test_while_work_is_stopped_nobody_else_takes_it_up(w, pool, target):
    """A stop lasts longer than a lease."""
    stopping, gate = asyncio.Event(), asyncio.Event()

    class Slow(MemoryDeployer):
        async def abort(self, receipt, log):
            stopping.set()
            await gate.wait()
            return await super().abort(receipt, log)

    slow = Slow()
    slow.hold("deploy")
    id, task, claim = await claimed(w)
    running = asyncio.create_task(execution(w.reports, slow, pool, w.queue, "w1").run(claim))
    await holds(lambda: is_running(w, task))
    await w.deployments.cancel(by(), id)
    await asyncio.wait_for(stopping.wait(), 5)
    assert await w.queue.claim("w2", 30, TIMES.lease * 2) is None
    gate.set()
    await asyncio.wait_for(running, 5)
    assert "task.taken_over" not in await w.topics(task)
    assert (await w.topics(task))[-1] == "task.cancelled"
    await slow.close()


async def test_an_end_that_was_there_before_the_stop_counts_also_if_its_follower_hears_of_it_a_moment_later(w, pool):
    asked = asyncio.Event()

    class Behind:
        """Has ended when the stop comes; whoever follows it has not heard yet."""

        async def apply(self, receipt, log):
            await asked.wait()
            await asyncio.sleep(TIMES.watch)
            return Outcome("succeeded")

        async def abort(self, receipt, log):
            asked.set()
            return Aborted(True, "had ended already: succeeded")

    id, task, claim = await claimed(w)
    running = asyncio.create_task(execution(w.reports, Behind(), pool, w.queue, "w1").run(claim))
    await holds(lambda: is_running(w, task))
    await w.deployments.cancel(by(), id)
    await asyncio.wait_for(running, 5)
    assert (await w.state(task)).state == "success"


async def test_a_stop_that_trips_over_itself_is_told_and_is_not_tried_for_ever(w, pool):
    class Tripping:
        async def apply(self, receipt, log):
            await asyncio.Event().wait()

        async def abort(self, receipt, log):
            raise KeyError("ours")

    id, task, claim = await claimed(w)
    running = asyncio.create_task(execution(w.reports, Tripping(), pool, w.queue, "w1").run(claim))
    await holds(lambda: is_running(w, task))
    await w.deployments.cancel(by(), id)
    await asyncio.wait_for(running, 5)
    last = (await w.house.log.stream(task))[-1]
    assert (last.TOPIC, last.stopped, last.message) == (
        "task.cancelled", False, "could not be stopped: internal error: KeyError: 'ours'; it may still run")


@pytest.mark.parametrize("outcome", [
    Outcome("succeeded", result={"artifact": {"digest": 7}}), Outcome("succeeded", result={"half": "\ud800"}), Outcome("failed", "half \ud800")],
    ids=["a package that is none", "a result that is no text", "an error that is no text"])
async def test_an_end_that_cannot_be_recorded_is_a_failure_and_not_tried_for_ever(w, pool, outcome):
    class Odd:
        async def apply(self, receipt, log):
            return outcome

    _id, task, claim = await claimed(w)
    await asyncio.wait_for(execution(w.reports, Odd(), pool, w.queue, "w1").run(claim), 5)
    last = (await w.house.log.stream(task))[-1]
    assert (last.TOPIC, "cannot be recorded" in last.error) == ("task.failed", True)
    assert await w.queue.claim("w2", 1, 0) is None


async def test_an_end_is_told_until_the_log_takes_it(w, pool, target, monkeypatch):
    """The database is away when the work ends, and somebody else writes the same streams all the time after that."""
    monkeypatch.setattr(telling, "AGAIN", 0.01)
    troubles = [LogUnavailable("away"), Contended("outrun")]
    real = w.reports.succeed_all

    async def succeed_all(ends, room):
        if troubles:
            raise troubles.pop(0)
        return await real(ends, room)

    w.reports.succeed_all = succeed_all
    _id, task, claim = await claimed(w)
    await asyncio.wait_for(execution(w.reports, target, pool, w.queue, "w1").run(claim), 5)
    assert (troubles, (await w.state(task)).state) == ([], "success")


async def test_an_attempt_that_nobody_could_begin_stays_in_the_queue(w, pool, target):
    async def outrun(*asked):
        raise Contended("others keep changing the same thing")

    begin, w.reports.begin_all = w.reports.begin_all, outrun
    _id, task, claim = await claimed(w, lease=0.2)
    with pytest.raises(Contended):
        await execution(w.reports, target, pool, w.queue, "w1").run(claim)
    w.reports.begin_all = begin
    again = await w.queue.claim("w2", 30, 3)
    assert again is not None and again.task == task  # noqa: PT018


async def test_work_whose_call_was_cancelled_from_within_has_an_end(w, pool):
    class Cut:
        async def apply(self, receipt, log):
            raise asyncio.CancelledError

    _id, task, claim = await claimed(w)
    await asyncio.wait_for(execution(w.reports, Cut(), pool, w.queue, "w1").run(claim), 5)
    last = (await w.house.log.stream(task))[-1]
    assert (last.TOPIC, "was cancelled" in last.error) == ("task.failed", True)


async def test_hosts_that_cannot_be_reached_keep_nobody_from_working(database, target):
    """As many lost hosts as there are slots, and one that is well."""

    class Lost(MemoryDeployer):
        dark: set[str] = set()

        async def apply(self, receipt, log):
            if receipt.job.target.environment_id in self.dark:
                raise Transient("no route to host", retry_after=0.2)
            return await super().apply(receipt, log)

        async def observe(self, receipt, log):
            if receipt.job.target.environment_id in self.dark:
                raise Transient("no route to host", retry_after=0.2)
            return await super().observe(receipt, log)

    lost = Lost()
    async with party(database, lost, slots=2) as w:
        dark = [await w.deploy() for _ in range(3)]
        lost.dark = {(await w.state(id)).environment_id for id in dark}
        w.work()
        tasks = [await w.task(id) for id in dark]
        await holds(lambda: all_lost(w, tasks))
        well = await w.deploy()
        assert await ended(w, well, seconds=5) == ["success"]
        lost.dark = set()
        assert await ended(w, *dark) == ["success"] * 3
    await lost.close()


async def test_a_notice_that_is_refused_does_not_fail_what_is_out_of_sight(w, pool, target):
    async def refused(held, reason):
        raise Refused("not in this state")

    w.reports.lose_sight = refused
    target.lose_sight()
    _id, task, claim = await claimed(w)
    running = asyncio.create_task(execution(w.reports, target, pool, w.queue, "w1").run(claim))
    await holds(lambda: is_running(w, task))
    target.regain_sight()
    await asyncio.wait_for(running, 5)
    assert (await w.state(task)).state == "success"


async def test_a_connection_that_breaks_before_anything_has_begun_costs_no_lease(w, database, target):
    """Somebody had begun it, so that its log is opened before all else."""
    _id, task, claim = await claimed(w, lease=60)
    await w.reports.begin(task, 1, "of one who is gone", "w0")
    async with Proxy(database) as proxy, pool_of(proxy.conninfo, size=1) as breaking:
        await until(lambda: proxy.links)
        await proxy.cut(list(proxy.links), "now")
        await asyncio.wait_for(execution(w.reports, target, breaking, w.queue, "w1").run(replace(claim, fresh=False)), 10)
    assert (await w.state(task)).state == "success"


async def test_a_claim_that_cannot_be_given_back_does_not_keep_the_others_from_running(w, pool, database, target):
    """Two were claimed, one of them is over; the queue's connection breaks in between."""
    async with Proxy(database) as proxy, pool_of(proxy.conninfo, size=1) as breaking:
        ids = [await w.deploy() for _ in range(2)]
        over, task = [await w.task(id) for id in ids]
        await w.deployments.cancel(by(), ids[0])
        claims = [Claim(id, 1, f"lease of {id}", await w.reports.cause(task), fresh=True) for id in (over, task)]
        queue = PostgresQueue(breaking, database)
        await until(lambda: proxy.links)
        await proxy.cut(list(proxy.links), "now")
        assert [begun.claim.task for begun in await execution(w.reports, target, pool, queue, "w1").begin(claims)] == [task]


async def is_running(w, task) -> bool:
    return (await w.state(task)).state == "running"


async def all_lost(w, tasks) -> bool:
    return all([(await w.state(task)).unknown for task in tasks])
