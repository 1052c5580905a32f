"""From one task to the next in the worker that has room for it: one append, nobody overtaken, nothing lost when somebody dies in between."""

import asyncio
from collections import Counter
from types import SimpleNamespace

import pytest

from adapters.queue import postgres as queue_module
from adapters.runtime.slots import Hands, Slots
from application.applications import Applications
from application.environments import Environments
from application.ports.executor import Outcome
from application.ports.queue import kept_lease
from application.processes.telling import NoRoom
from tests.bench.dag_house import Nothing, Place, chain, fan
from tests.runtime.party import MemorySecrets, NoCatalog, Party, ended, execution, holds, party
from tests.support.waiting import until


async def place(w: Party) -> Place:
    core = SimpleNamespace(house=w.house, planner=w.planner, environments=Environments(w.house, MemorySecrets(), NoCatalog(), w.planner._deployers),
                           applications=Applications(w.house, MemorySecrets(), NoCatalog()))
    return await Place.make(core, "1")


def rows(admin, query, *values):
    return admin.execute(query, values).fetchall()


def topics_by_command(admin) -> list[list[str]]:
    """The facts of each command, in order."""
    return [topics for topics, in rows(admin, """
        select array_agg(e.topic order by e.notification_id) from log.stored_events_commands c
          join log.stored_events e on e.notification_id between c.first_position and c.first_position + c.events - 1
         group by c.first_position order by c.first_position""")]


async def first_claim(w: Party):
    """The one task that is on offer, claimed."""
    reacting = asyncio.create_task(w.react())
    claim = await w.queue.claim("w1", 30, 10)
    reacting.cancel()
    await asyncio.gather(reacting, return_exceptions=True)
    return claim


def idle(number: int = 1) -> Slots:
    slots = Slots(number)
    slots.idle = True
    return slots


LINK = ["task.succeeded", "deployment.task_succeeded", "task.released", "task.started"]


async def test_a_worker_with_room_goes_on_in_the_append_that_ends_what_it_did(database, admin):
    async with party(database, Nothing()) as w:
        w.work()
        id = await (await place(w)).deploy(chain(6))
        assert await ended(w, id) == ["success"]
        await until(lambda: rows(admin, "select count(*) from ops.work_queue") == [(0,)])
        await until(lambda: rows(admin, "select count(*) from ops.timers") == [(0,)])
    assert topics_by_command(admin).count(LINK) == 5


async def test_who_has_no_room_beside_what_waits_leaves_it_to_the_queue(database, admin):
    async with party(database, Nothing(), slots=1) as w:  # its one slot is busy, so it does not know who waits
        w.work()
        id = await (await place(w)).deploy(chain(4))
        assert await ended(w, id) == ["success"]
    assert (topics_by_command(admin).count(LINK), topics_by_command(admin).count(["task.started"])) == (0, 4)


async def test_many_side_by_side_are_begun_and_ended_together_each_once(database, admin):
    target = Nothing()
    async with party(database, target, slots=8) as w:
        w.work()
        id = await (await place(w)).deploy(fan(40))
        assert await ended(w, id) == ["success"]
        tasks = [task.id for task in (await w.state(id)).tasks]
        assert {tuple(await w.topics(task)) for task in tasks} == {("task.released", "task.started", "task.succeeded")}
    assert len(target.begun) == 42
    assert len(topics_by_command(admin)) < 42


async def test_two_workers_share_a_fan_and_do_each_task_once(database):
    target = Nothing()
    async with party(database, target, "w1") as one, party(database, target, "w2") as other:
        one.work()
        other.work()
        id = await (await place(one)).deploy(fan(60))
        assert await ended(one, id) == ["success"]
        counted = Counter([topic for task in (await one.state(id)).tasks for topic in await one.topics(task.id)])
    assert counted == {"task.released": 62, "task.started": 62, "task.succeeded": 62}


async def test_an_end_that_is_told_again_finds_what_it_has_begun(database, admin):
    """Its answer was lost on the way."""
    async with party(database, Nothing()) as w:
        await (await place(w)).deploy(chain(3))
        claim = await first_claim(w)
        held = await w.reports.begin(claim.task, 1, claim.lease, "w1")
        hands = Hands(idle(), "w1")
        [first] = await w.reports.succeed_all([(held, {})], hands.room(1))
        before = rows(admin, "select position from log.stored_events_head")
        [again] = await w.reports.succeed_all([(held, {})], hands.room(1))
    assert (again.task.id, again.token, again.taken_over) == (first.task.id, first.token, True)  # it looks before it does anything
    assert rows(admin, "select position from log.stored_events_head") == before


async def test_what_was_begun_by_somebody_who_died_in_that_moment_is_taken_over(database, monkeypatch):
    monkeypatch.setattr(queue_module, "FIRST_LEASE", 0.3)
    target = Nothing()
    async with party(database, target, "w2") as w:
        id = await (await place(w)).deploy(chain(3))
        claim = await first_claim(w)
        held = await w.reports.begin(claim.task, 1, claim.lease, "w1")
        [begun] = await w.reports.succeed_all([(held, {})], Hands(idle(), "w1").room(1))  # and here it dies
        w.work()
        assert await ended(w, id) == ["success"]
        assert await w.topics(begun.task.id) == ["task.released", "task.started", "task.taken_over", "task.succeeded"]
    assert len(target.begun) == 2


async def test_an_attempt_that_comes_fresh_from_the_queue_and_is_somebody_elses_is_left_to_him(database, admin, pool):
    """The processes offered it before they read that it had been begun."""
    async with party(database, Nothing()) as w:
        await (await place(w)).deploy(chain(3))
        claim = await first_claim(w)
        held = await w.reports.begin(claim.task, 1, claim.lease, "w1")
        [begun] = await w.reports.succeed_all([(held, {})], Hands(idle(), "w1").room(1))
        await w.queue.put(begun.task.id, 1)
        await w.queue.done(claim)
        other = await w.queue.claim("w2", 30, 0)
        assert await execution(w.reports, Nothing(), pool, w.queue, "w2").begin([other]) == []
        assert await w.topics(begun.task.id) == ["task.released", "task.started"]
        assert rows(admin, "select lease, worker from ops.work_queue") == [(kept_lease(begun.task.id, 1, begun.token), "w1")]


async def test_nothing_is_begun_where_there_is_no_room(database):
    async with party(database, Nothing()) as w:
        await (await place(w)).deploy(chain(2))
        claim = await first_claim(w)
        held = await w.reports.begin(claim.task, 1, claim.lease, "w1")
        assert await w.reports.succeed_all([(held, {})], NoRoom()) == []


async def test_an_end_that_cannot_be_stored_keeps_no_other_from_being_told(database):
    class Odd(Nothing):
        async def apply(self, receipt, log):
            await super().apply(receipt, log)
            return Outcome("succeeded", result={"odd": "\ud800"} if len(self.begun) == 3 else {})

    async with party(database, Odd(), slots=8) as w:
        w.work()
        id = await (await place(w)).deploy(fan(6))
        assert await ended(w, id) == ["failed"]
        states = Counter([(await w.state(task.id)).state for task in (await w.state(id)).tasks[:7]])
    assert states == {"success": 6, "failed": 1}


async def test_a_drained_worker_begins_nothing_more_with_its_last_end(database):
    gate = asyncio.Event()

    class Slow(Nothing):
        async def apply(self, receipt, log):
            await super().apply(receipt, log)
            await gate.wait()
            return Outcome("succeeded")

    target = Slow()
    async with party(database, target) as w:
        w.work()
        id = await (await place(w)).deploy(chain(3))
        await until(lambda: len(target.begun) == 1)
        draining = asyncio.create_task(w.worker.drain(10))
        await asyncio.sleep(0)
        gate.set()
        await asyncio.wait_for(draining, 10)
        second = (await w.state(id)).tasks[1].id
        assert await w.topics(second) == ["task.released"]


@pytest.mark.parametrize("slots", [1, 4])
async def test_a_long_one_that_was_kept_holds_on_to_its_entry(database, admin, slots):
    """Its entry is renewed, so that nobody takes over what goes on."""
    gate = asyncio.Event()

    class Second(Nothing):
        async def apply(self, receipt, log):
            await super().apply(receipt, log)
            if len(self.begun) == 2:
                await gate.wait()
            return Outcome("succeeded")

    target = Second()
    async with party(database, target, "w1", slots=slots) as w, party(database, target, "w2") as other:
        w.work()
        id = await (await place(w)).deploy(chain(3))
        await until(lambda: len(target.begun) == 2)
        other.work()
        leased = "select count(*) from ops.work_queue where lease_until > clock_timestamp() + interval '0.4 seconds'"
        await holds(lambda: asyncio.sleep(0, rows(admin, leased) == [(1,)]))
        await asyncio.sleep(1.0)  # longer than a lease
        gate.set()
        assert await ended(w, id) == ["success"]
        assert Counter(await w.topics((await w.state(id)).tasks[1].id)) == {"task.released": 1, "task.started": 1, "task.succeeded": 1}
