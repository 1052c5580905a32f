"""Appending: all of a command or nothing, once, in one order."""

import asyncio
from uuid import uuid4

import pytest

from adapters.event_store.command import Unstorable
from adapters.event_store.log import PostgresLog
from adapters.event_store.writer import Overloaded, Writer
from application.ports.log import Appended, Conflict, IdReused, LogUnavailable
from tests.event_store.facts import ORIGIN, Connections, append, assert_whole, fact, head_held, in_one_batch, waiting_writers
from tests.support.waiting import until


async def test_a_command_over_three_streams_is_stored_in_one_piece(log):
    facts = [fact("task_1"), fact("dep_1"), fact("task_1", 2), fact("name_1")]
    assert await append(log, *facts) == Appended(position=4, first=1, count=4)
    assert await log.stream("task_1") == [facts[0], facts[2]]
    assert await log.stream("task_1", after=1) == [facts[2]]


async def test_a_command_that_loses_one_of_its_streams_stores_nothing(log):
    await append(log, fact("dep_1"))
    with pytest.raises(Conflict, match="dep_1, task_1"):
        await append(log, fact("task_1"), fact("dep_1"), fact("task_1", 2))
    assert await log.stream("task_1") == []


async def test_two_commands_that_race_for_a_stream_in_one_batch_and_a_third_that_does_not(log, database, admin):
    winner, loser, third = await in_one_batch(
        log, database, admin, append(log, fact("x")), append(log, fact("x"), fact("y")), append(log, fact("z"))
    )
    assert (winner.first, third.first) == (2, 3)
    assert isinstance(loser, Conflict)
    assert await log.stream("y") == []


async def test_commands_that_follow_one_another_on_a_stream_may_queue_together(log, database, admin):
    results = await in_one_batch(log, database, admin, *(append(log, fact("x", version)) for version in range(1, 6)))
    assert [result.first for result in results] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize("version", [3, 7, -1])
async def test_a_version_that_does_not_follow_what_is_stored_is_a_conflict(log, version):
    await append(log, fact("x"))
    with pytest.raises(Conflict):
        await append(log, fact("x", version))
    with pytest.raises(Conflict):
        await append(log, fact("new stream", version))


async def test_a_version_that_does_not_follow_the_one_before_it_in_the_command_is_a_conflict(log):
    for versions in ((1, 3), (1, 1), (2, 1)):
        with pytest.raises(Conflict, match="does not follow"):
            await append(log, *(fact("x", version) for version in versions))


async def test_the_same_command_again_stores_nothing_and_answers_the_same(log):
    command, facts = uuid4(), [fact("x"), fact("y")]
    stored = await append(log, *facts, command=command, request=b"claim x")
    await append(log, fact("x", 2))
    assert await append(log, *facts, command=command, request=b"claim x") == Appended(stored.position, stored.first, stored.count, repeated=True)


async def test_the_same_command_twice_in_one_batch_is_stored_once(log, database, admin):
    command, facts = uuid4(), [fact("x")]
    first, again = await in_one_batch(log, database, admin, append(log, *facts, command=command), append(log, *facts, command=command))
    assert (first.first, first.repeated, again.first, again.repeated) == (2, False, 2, True)


async def test_an_id_used_for_another_request_is_refused(log, database, admin):
    command = uuid4()
    await append(log, fact("x"), command=command, request=b"claim x")
    with pytest.raises(IdReused, match=str(command)):
        await append(log, fact("y"), command=command, request=b"claim y")
    other = uuid4()
    results = await in_one_batch(
        log, database, admin, append(log, fact("a"), command=other, request=b"a"), append(log, fact("b"), command=other, request=b"b")
    )
    assert isinstance(results[1], IdReused)
    assert await log.stream("b") == await log.stream("y") == []


async def test_a_command_that_lost_may_come_again_under_its_id(log):
    command = uuid4()
    await append(log, fact("x"))
    with pytest.raises(Conflict):
        await append(log, fact("x"), command=command)
    assert await append(log, fact("x", 2), command=command) == Appended(position=2, first=2, count=1)


async def test_a_command_without_events_is_remembered_and_stands_in_nobodys_way(log):
    await append(log, fact("x"))
    command = uuid4()
    assert await append(log, command=command) == Appended(position=1, first=2, count=0)
    await append(log, fact("x", 2))
    assert await append(log, command=command) == Appended(position=1, first=2, count=0, repeated=True)
    assert await log.command(command) == []


async def test_the_log_knows_what_a_command_stored(log):
    command, facts = uuid4(), [fact("x"), fact("y"), fact("x", 2)]
    await append(log, fact())
    await append(log, *facts, command=command)
    await append(log, fact())
    assert await log.command(command) == facts
    assert await log.command(uuid4()) is None


@pytest.mark.parametrize("stream", ["nul \0", "half a pair \ud800", "long " * 500])
async def test_content_that_no_database_can_keep_is_refused_at_once(log, stream):
    with pytest.raises(Unstorable):
        await append(log, fact(stream))
    with pytest.raises(Unstorable, match="no version"):
        await append(log, fact("x", 2**70))


async def test_who_asked_and_why_stands_beside_the_events(log, admin):
    command = uuid4()
    await append(log, fact("x"), command=command)
    columns = "actor, correlation_id, causation_id, source_ip, request_id, first_position, events"
    row = admin.execute(f"select {columns} from log.stored_events_commands where command_id = %s", (command,)).fetchone()
    assert row == (ORIGIN.actor, ORIGIN.correlation, ORIGIN.causation, ORIGIN.source_ip, ORIGIN.request_id, 1, 1)


async def test_four_writers_race_for_one_stream_and_each_version_has_one_winner(log, database, admin):
    logs = [log, *(PostgresLog(database) for _ in range(3))]

    async def work(one: PostgresLog) -> int:
        won = 0
        for version in range(1, 51):
            won += isinstance((await asyncio.gather(append(one, fact("x", version), fact()), return_exceptions=True))[0], Appended)
        return won

    for other in logs[1:]:
        await other.open()
    assert sum(await asyncio.gather(*map(work, logs))) == 50
    for other in logs[1:]:
        await other.close()
    assert_whole(admin, 100)


async def test_a_batch_of_hundreds_wakes_the_event_loop_no_more_often_than_one_of_two(log, database, admin):
    loop, wakes = asyncio.get_running_loop(), 0
    real = loop.call_soon_threadsafe

    def counting(*args, **kwargs):
        nonlocal wakes
        wakes += 1
        return real(*args, **kwargs)

    loop.call_soon_threadsafe = counting
    await in_one_batch(log, database, admin, *(append(log, fact()) for _ in range(300)))
    assert log.writer.batches == 2
    assert wakes <= 3  # by the thread: the first answer, to go on with what has queued, the second answer


async def test_no_more_than_the_limit_may_wait(database, admin):
    writer = Writer(Connections(database), limit=2)
    async with PostgresLog(database, writer=writer) as log:
        with head_held(database):
            tasks = [asyncio.create_task(append(log, fact()))]
            await until(lambda: waiting_writers(admin) == 1)
            tasks += [asyncio.create_task(append(log, fact())) for _ in range(2)]
            await until(lambda: writer.queued == 2)
            with pytest.raises(Overloaded, match="2 commands are waiting"):
                await append(log, fact())
        await asyncio.gather(*tasks)
        assert (await append(log, fact())).position == 4
    writer.close()
    assert_whole(admin, 4)


async def test_a_closing_log_stores_what_has_queued_and_takes_no_more(database, admin):
    log = PostgresLog(database)
    await log.open()
    tasks = [asyncio.create_task(append(log, fact())) for _ in range(100)]
    await until(lambda: log.writer.queued or log.writer.commands)
    await log.close()
    assert sorted(result.position for result in await asyncio.gather(*tasks)) == list(range(1, 101))
    with pytest.raises(LogUnavailable, match="closed"):
        await append(log, fact())
