"""Processes over a real log: a position that survives, repetitions without a second effect, refusals kept, troubles waited out."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from psycopg.errors import ReadOnlySqlTransaction

from adapters.event_store.follower import Follower
from adapters.event_store.log import PostgresLog
from adapters.event_store.reading import read
from adapters.queue import PostgresQueue
from adapters.runtime import process_runner as module
from adapters.runtime.following import follow_on_loop
from adapters.runtime.process_runner import ProcessRunner, calm
from adapters.timers import PostgresTimers
from api.migrate import migrate
from application.house import Contended
from application.ports.log import LogUnavailable
from application.processes.catalogue import PROCESSES
from application.processes.reactions import Table
from application.processes.standing import Folded
from application.processes.wishes import AdmitNext, HoldTask, OfferTask
from domain.errors import Refused
from domain.recorded import Origin, Unreadable
from tests.event_store.facts import append, fact, terminate
from tests.runtime.party import ended, holds, party
from tests.support.waiting import until


def offer(event):
    """A process of the tests: each fact is a task to offer."""
    return [OfferTask(event.stream, event.version)]


class Hands:
    """Fulfils wishes; raises what it is told to first."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.done, self.tried = list(errors), [], 0

    async def fulfil(self, wish, caller, position):
        self.tried += 1
        if self.errors:
            raise self.errors.pop(0)
        self.done.append((position, caller.command))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.0005)


@pytest.fixture
async def facts(database, admin):
    """Three facts of a log, as a follower reads them."""
    async with PostgresLog(database) as log:
        await append(log, fact(), fact(), fact())
    return read(admin, 0, 10)


@pytest.fixture
def queue(pool, database):
    """Fulfils many at once, in the real queue."""
    timers, entries = PostgresTimers(pool), PostgresQueue(pool, database)
    return lambda wishes: Folded(wishes).fulfil(entries, timers)


def on_offer(admin):
    return [row[0] for row in admin.execute('select task_id from ops.work_queue order by task_id collate "C"')]


def failures(admin):
    return admin.execute("select process, position, wish, error from ops.process_failures order by position, wish").fetchall()


async def test_the_position_is_stored_and_found_again(pool, facts):
    runner = ProcessRunner({"offer": offer}, Hands().fulfil, pool)
    assert await runner.load_position() == 0
    await runner.handle(facts)
    assert await ProcessRunner({}, Hands().fulfil, pool).load_position() == 3


async def test_each_name_has_a_position_of_its_own(pool, facts):
    one, other = ProcessRunner({}, Hands().fulfil, pool), ProcessRunner({}, Hands().fulfil, pool, "auto_deploy")
    await one.handle(facts)
    await other.handle(facts[:2])
    assert (await one.load_position(), await other.load_position()) == (3, 2)


async def test_what_runs_apart_since_an_upgrade_does_not_begin_again_with_what_has_been_done(pool, facts, database, admin):
    admin.execute("delete from ops.process_positions where name = 'auto_deploy'")  # an older version
    await ProcessRunner({}, Hands().fulfil, pool).handle(facts)
    migrate(database)
    assert await ProcessRunner({}, Hands().fulfil, pool, "auto_deploy").load_position() == 3


async def test_the_position_never_goes_back(pool, facts):
    runner = ProcessRunner({}, Hands().fulfil, pool)
    await runner.handle(facts)
    await runner.handle(facts[:1])
    assert await runner.load_position() == 3


async def test_a_crash_repeats_the_facts_since_the_last_position_under_the_same_ids(pool, facts):
    before, after = Hands(), Hands()
    runner = ProcessRunner({"offer": offer}, before.fulfil, pool)
    await runner._react(facts[0])  # and the process dies here
    await ProcessRunner({"offer": offer}, after.fulfil, pool).handle(facts)
    assert before.done == after.done[:1]
    assert len({command for _, command in after.done}) == 3


async def test_a_refusal_is_kept_for_show_and_the_next_fact_comes(pool, facts, admin):
    hands = Hands(Refused("not in this state"))
    await ProcessRunner({"offer": offer}, hands.fulfil, pool).handle(facts)
    assert [position for position, _ in hands.done] == [2, 3]
    [(process, position, wish, error)] = failures(admin)
    assert (process, position, error) == ("offer", 1, "not in this state")
    assert wish.startswith("OfferTask(task=")


async def test_an_error_of_the_infrastructure_is_waited_out_however_long(pool, facts, admin):
    passing = [LogUnavailable("away"), psycopg.OperationalError("gone"), psycopg.InterfaceError("the connection is closed"),
               ReadOnlySqlTransaction("standby"), Contended("outrun")]
    hands = Hands(*[error for error in passing for _ in range(module.TRIES * 3)])
    await ProcessRunner({"offer": offer}, hands.fulfil, pool).handle(facts)
    assert [position for position, _ in hands.done] == [1, 2, 3]
    assert failures(admin) == []


async def test_an_error_of_our_own_is_tried_a_few_times_then_kept_for_show(pool, facts, admin):
    hands = Hands(*[KeyError("ours")] * module.TRIES)
    await ProcessRunner({"offer": offer}, hands.fulfil, pool).handle(facts)
    assert hands.tried == module.TRIES + 2
    assert [(position, error) for _, position, _, error in failures(admin)] == [(1, "'ours'")]


async def test_what_is_too_large_for_the_database_is_no_trouble_of_the_database(pool, facts, admin):
    hands = Hands(*[psycopg.errors.ProgramLimitExceeded("index row size exceeds the maximum")] * module.TRIES)
    await ProcessRunner({"offer": offer}, hands.fulfil, pool).handle(facts)
    assert len(failures(admin)) == 1


async def test_words_that_the_database_cannot_keep_do_not_stop_the_house(pool, facts, admin):
    hands = Hands(Refused("\0 and \ud800 and " + "\N{GRINNING FACE}" * 5000))

    def long_winded(event):
        return [OfferTask("task_" + "".join(map(chr, range(0x4E00, 0x4E00 + 5000))), 1)]

    await ProcessRunner({"long": long_winded}, hands.fulfil, pool).handle(facts)
    [(_, _, wish, error)] = failures(admin)
    assert len(wish) == module.LONGEST_WISH
    assert error.startswith("\N{SYMBOL FOR NULL} and \\ud800 and ")


async def test_a_process_that_trips_over_a_fact_keeps_no_other_from_it(pool, facts, admin):
    def tripping(event):
        if event is facts[1].event:
            raise OverflowError("date value out of range")
        return []

    hands = Hands()
    await ProcessRunner({"tripping": tripping, "offer": offer}, hands.fulfil, pool).handle(facts)
    assert [position for position, _ in hands.done] == [1, 2, 3]
    assert [(process, position, error) for process, position, _, error in failures(admin)] == [("tripping", 2, "date value out of range")]


async def test_a_fact_that_nobody_can_read_is_kept_for_show(pool, facts, admin):
    one = facts[1]
    strange = Unreadable(2, one.event.stream, 1, "lane.painted", b"{}", "UnknownFact: no event has the topic 'lane.painted'", one.digest, uuid4(),
                         Origin("system:later", uuid4()), datetime.now(UTC))
    hands = Hands()
    await ProcessRunner({"offer": offer}, hands.fulfil, pool).handle([facts[0], strange, facts[2]])
    assert [position for position, _ in hands.done] == [1, 3]
    [(process, position, wish, error)] = failures(admin)
    assert (process, position, "lane.painted" in wish, "no event has the topic" in error) == ("processes", 2, True, True)


async def test_a_poisoned_wish_of_one_fact_lets_the_deployment_come_to_its_end(database, target, admin):
    """The real processes, with one more that always fails."""
    async with party(database, target) as w:
        fulfil = w.runner._fulfil

        async def poisoned(wish, caller, position):
            if caller.actor.id == "system:poison":
                raise ZeroDivisionError("poison")
            await fulfil(wish, caller, position)

        real = w.runner._together

        async def together(wishes):
            if any(isinstance(wish, OfferTask) and not wish.task.startswith("task_") for wish, _ in wishes):
                raise ZeroDivisionError("poison in the well")
            await real(wishes)

        w.runner._processes, w.runner._fulfil, w.runner._together = Table({"poison": offer, **PROCESSES}), poisoned, together
        id = await w.deploy()
        w.work()
        assert await ended(w, id) == ["success"]
    assert {(process, error) for process, _, _, error in failures(admin)} == {("poison", "poison")}


class Many:
    """Fulfils many at once; counts how often."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.done = list(errors), []

    async def fulfil(self, wishes):
        if self.errors:
            raise self.errors.pop(0)
        self.done.append([wish for wish, _ in wishes])


def release(event):
    return [OfferTask(event.stream, 1), HoldTask(event.stream, 1, 1, "w1")]


async def test_a_task_on_offer_is_stored_at_once_with_all_that_came_with_it(pool, facts):
    many = Many()
    runner = ProcessRunner({"offer": offer}, Hands().fulfil, pool, together=many.fulfil)
    await runner.handle(facts)
    assert ([len(wishes) for wishes in many.done], runner.position) == ([3], 3)


async def test_what_nobody_waits_for_is_stored_a_moment_later_and_the_position_with_it(pool, facts):
    many = Many()
    runner = ProcessRunner({"release": release}, Hands().fulfil, pool, together=many.fulfil)
    for one in facts:
        await runner.handle([one])
    assert (many.done, runner.position) == ([], 0)
    await until(lambda: runner.position == 3)
    assert ([len(wishes) for wishes in many.done], await ProcessRunner({}, Hands().fulfil, pool).load_position()) == ([6], 3)


async def test_what_comes_while_the_last_is_being_stored_is_not_left_until_something_else_happens(pool, facts):
    many, begun, slow = Many(), asyncio.Event(), asyncio.Event()

    async def slowly(wishes):
        begun.set()
        await slow.wait()
        await many.fulfil(wishes)

    runner = ProcessRunner({"release": release}, Hands().fulfil, pool, together=slowly)
    await runner.handle(facts[:1])
    await begun.wait()
    await runner.handle(facts[1:])
    slow.set()
    await until(lambda: runner.position == 3)
    assert [len(wishes) for wishes in many.done] == [2, 4]


async def test_what_was_gathered_and_not_stored_comes_again(pool, facts):
    many = Many()
    runner = ProcessRunner({"release": release}, Hands().fulfil, pool, together=many.fulfil)
    await runner.handle(facts)
    assert await runner.load_position() == 0
    await asyncio.sleep(module.LATER * 1.5)
    assert many.done == []


async def test_what_a_crash_of_the_database_took_away_is_not_behind_the_position_of_a_runner_that_lived_on(pool, facts, admin, queue):
    """Nothing here waits for the disk: a crash takes the last rows and the position that was stored after them."""
    runner = ProcessRunner({"offer": offer}, Hands().fulfil, pool, together=queue)
    await runner.handle(facts[:1])
    await runner.handle(facts[1:2])
    admin.execute("delete from ops.work_queue where task_id = %s", (facts[1].event.stream,))
    admin.execute("update ops.process_positions set position = 1 where name = 'processes'")
    with pytest.raises(module.PositionLost):
        await runner.handle(facts[2:])
    assert await runner.load_position() == 1
    await runner.handle(facts[1:])
    assert on_offer(admin) == sorted(each.event.stream for each in facts)


async def test_a_crash_between_the_wishes_and_their_position_is_noticed_by_the_connection(pool, facts, admin, queue):
    async def crashing(wishes):
        await queue(wishes)
        assert terminate(admin, "tiangong test")
        admin.execute("delete from ops.work_queue")

    runner = ProcessRunner({"offer": offer}, Hands().fulfil, pool, together=crashing)
    for error in (psycopg.OperationalError, module.PositionLost):  # it stays so until it has begun again
        with pytest.raises(error):
            await runner.handle(facts)
    await pool.check()
    assert await runner.load_position() == 0


async def test_a_runner_without_a_position_does_not_make_one_up(pool, facts, admin):
    runner = ProcessRunner({}, Hands().fulfil, pool)
    await runner.handle(facts[:2])
    admin.execute("delete from ops.process_positions")
    with pytest.raises(module.PositionLost):
        await runner.handle(facts[2:])
    assert await runner.load_position() == 0


async def test_wishes_of_a_batch_that_is_still_read_wait_for_its_position(pool, facts):
    many, slow = Many(), asyncio.Event()

    def react(event):
        return [AdmitNext("env_1")] if event is facts[2].event else release(event)

    async def fulfil(wish, caller, position):
        await slow.wait()

    runner = ProcessRunner({"react": react}, fulfil, pool, together=many.fulfil)
    await runner.handle(facts[:1])
    reading = asyncio.create_task(runner.handle(facts[1:]))
    await until(lambda: runner.position == 1)
    assert [len(wishes) for wishes in many.done] == [2]
    slow.set()
    await reading
    await until(lambda: runner.position == 3)
    assert [len(wishes) for wishes in many.done] == [2, 2]


async def test_many_wait_for_the_database_as_one_does(pool, facts, admin):
    many = Many(LogUnavailable("away"), psycopg.OperationalError("gone"))
    await ProcessRunner({"offer": offer}, Hands().fulfil, pool, together=many.fulfil).handle(facts)
    assert ([len(wishes) for wishes in many.done], failures(admin)) == ([3], [])


async def test_where_one_of_many_is_in_the_way_each_goes_by_itself_under_its_own_id(pool, facts, admin):
    alone, hands = Hands(), Hands(Refused("not this one"))
    await ProcessRunner({"offer": offer}, alone.fulfil, pool, "alone").handle(facts)
    await ProcessRunner({"offer": offer}, hands.fulfil, pool, together=Many(KeyError("odd")).fulfil).handle(facts)
    assert hands.done == alone.done[1:]
    assert len(failures(admin)) == 1


async def test_processes_that_die_anywhere_and_begin_again_change_nothing(database, target, admin):
    """Everything is handled again from the beginning, as after a crash before the position was stored."""
    async with party(database, target) as w:
        id = await w.deploy()
        w.work()
        assert await ended(w, id) == ["success"]
        await holds(lambda: caught_up(w, admin))
        before = admin.execute("select position from log.stored_events_head").fetchone()
        admin.execute("delete from ops.process_positions")
        second = ProcessRunner(PROCESSES, w.runner._fulfil, w.pool, together=w.runner._together)
        again = asyncio.create_task(follow_on_loop(lambda at, stop: Follower(database, at).batches(stop), 0, second.handle))
        await until(lambda: admin.execute("select position from ops.process_positions where name = 'processes'").fetchone() == before)
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)
        await until(lambda: admin.execute("select count(*) from ops.work_queue").fetchone() == (0,))
    assert admin.execute("select position from log.stored_events_head").fetchone() == before
    assert admin.execute("select count(*) from ops.timers").fetchone() == (0,)
    assert failures(admin) == []


async def test_a_log_that_ends_before_the_position_is_another_log_and_a_person_is_asked(database, target, admin):
    """A copy from before, or the wrong database: nothing is done, and the trouble stays in sight."""
    admin.execute("update ops.process_positions set position = 1000000")
    async with party(database, target) as w:
        await w.deploy()
        w.work()
        await until(lambda: w.supervisor.loops["processes"].trouble.startswith("Gap: the log ends at"))
        assert admin.execute("select count(*) from ops.work_queue").fetchone() == (0,)
        assert admin.execute("select position from ops.process_positions where name = 'processes'").fetchone() == (1000000,)


async def caught_up(w, admin) -> bool:
    query = "select p.position = h.position from ops.process_positions p, log.stored_events_head h where p.name = 'processes'"
    return bool(admin.execute(query).fetchone()[0])


def test_what_concerns_a_process_is_followed_at_once_and_a_load_of_others_now_and_then():
    assert calm(1, concerned=True, begun=False) == calm(500, concerned=True, begun=False) == 0
    assert 0 < calm(1, concerned=False, begun=False) == calm(500, concerned=True, begun=True)
    assert calm(1, concerned=False, begun=False) < calm(20, concerned=False, begun=False) <= 0.02
