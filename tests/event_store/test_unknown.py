"""When the connection breaks, nobody knows what came of a command: the log finds out, or says so, and the id settles it."""

import asyncio
import contextlib
import os
import signal
from uuid import uuid4

import psycopg
import pytest

from adapters.event_store.command import Command, Unstorable
from adapters.event_store.log import PostgresLog
from adapters.event_store.writer import Writer
from application.ports.log import Appended, Conflict, LogUnavailable
from tests.event_store.facts import (
    ORIGIN,
    Connections,
    append,
    assert_whole,
    database_away,
    fact,
    head_held,
    in_one_batch,
    terminate,
    waiting_writers,
)
from tests.support.waiting import until, wait_until


async def test_a_batch_sent_again_waits_for_its_dying_twin_and_finds_its_work(database, admin):
    connections = Connections(database)
    writer = Writer(connections)
    async with PostgresLog(database, writer=writer) as log:
        await append(log, fact())
        with head_held(database):
            task = asyncio.create_task(append(log, fact("x")))
            await until(lambda: waiting_writers(admin) == 1)
            assert connections.cut()  # the server's side still waits for the head, and will commit
            await until(lambda: waiting_writers(admin) == 2)
        assert await task == Appended(position=2, first=2, count=1, repeated=True)
        assert (writer.resent, writer.rescued) == (1, 1)
    writer.close()
    assert_whole(admin, 2)


async def test_a_terminated_connection_costs_nothing(log, admin):
    for version in range(1, 6):
        await append(log, fact("x", version))
        assert terminate(admin, "tiangong log writer") == 1
    assert log.writer.trouble == ""


async def test_a_head_that_is_held_too_long_is_asked_for_again(database, admin):
    writer = Writer(Connections(database, lock_timeout=0.05))
    async with PostgresLog(database, writer=writer) as log:
        with head_held(database):
            task = asyncio.create_task(append(log, fact()))
            await until(lambda: writer.resent >= 2)
        assert (await task).position == 1
    writer.close()


async def test_while_the_database_is_away_the_caller_hears_so_and_the_id_works_later(log, databases, database):
    command, facts = uuid4(), [fact("x")]
    impatient = PostgresLog(database, deadline=0.3, writer=log.writer)
    await append(log, fact())
    says = r"no answer within 0\.3 s: .*not currently accepting connections"
    with database_away(databases.admin, database), pytest.raises(LogUnavailable, match=says):
        await append(impatient, *facts, command=command)
    assert (await append(log, *facts, command=command)).first == 2
    assert (await append(log, *facts, command=command)).repeated


async def test_a_server_that_stands_still_holds_nobody_longer_than_the_deadline(log, database):
    connections, command = Connections(database), uuid4()
    with contextlib.closing(Writer(connections)) as writer:
        impatient = PostgresLog(database, deadline=0.3, writer=writer)
        await append(impatient, fact())
        pid = connections.opened[-1].info.backend_pid
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(LogUnavailable, match="no answer within"):
                await append(impatient, fact("x"), command=command)
        finally:
            os.kill(pid, signal.SIGCONT)
    assert (await append(log, fact("x"), command=command)).repeated  # it had arrived, and was stored when the server went on


async def test_one_commands_deadline_does_not_end_the_others_of_its_batch(log, databases, database):
    impatient, command = PostgresLog(database, deadline=0.3, writer=log.writer), uuid4()
    await append(log, fact())
    with database_away(databases.admin, database):
        patient = asyncio.create_task(append(log, fact("x")))
        with pytest.raises(LogUnavailable):
            await append(impatient, fact("y"), command=command)
        assert not patient.done()
    assert (await patient).position == 2
    assert await log.stream("y") == []


async def test_reading_waits_for_the_database_until_the_deadline(log, databases, database):
    await append(log, fact("x"))
    async with PostgresLog(database, deadline=0.3, writer=log.writer) as impatient:
        with database_away(databases.admin, database):
            with pytest.raises(LogUnavailable, match="nothing could be read"):
                await impatient.stream("x")
            patient = asyncio.create_task(log.stream("x"))
            await asyncio.sleep(0)
        assert len(await patient) == 1


async def test_reading_survives_terminated_connections(log, admin):
    await append(log, fact("x"))
    for _ in range(3):
        terminate(admin, "tiangong log reader")
        assert len(await log.stream("x")) == 1


async def test_a_cancelled_caller_leaves_the_command_to_its_fate_and_the_id_tells_it(log, database, admin):
    on_its_way, queued = uuid4(), uuid4()
    with head_held(database):
        first = asyncio.create_task(append(log, fact("x"), command=on_its_way))
        await until(lambda: waiting_writers(admin) == 1)
        second = asyncio.create_task(append(log, fact("y"), command=queued))
        await until(lambda: log.writer.queued == 1)
        first.cancel()
        second.cancel()
        await asyncio.wait([first, second])
    await append(log, fact())
    assert len(await log.command(on_its_way)) == 1
    assert await log.command(queued) is None
    assert (await append(log, fact("x"), command=on_its_way)).repeated


def test_an_event_loop_that_is_gone_does_not_keep_the_writer_from_its_work(database, admin):
    with contextlib.closing(Writer(Connections(database))) as writer:
        impatient = PostgresLog(database, deadline=0.1, writer=writer)
        with head_held(database), pytest.raises(LogUnavailable):
            asyncio.run(append(impatient, fact()))
        wait_until(lambda: writer.commands == 1)
        assert asyncio.run(append(PostgresLog(database, writer=writer), fact())).position == 2
    assert_whole(admin, 2)


async def test_a_database_with_another_isolation_level_makes_no_difference(database, admin):
    name = admin.info.dbname
    admin.execute(f"alter database {name} set default_transaction_isolation = 'repeatable read'")
    async with PostgresLog(database) as one, PostgresLog(database) as two:
        await asyncio.gather(*(append(log, fact()) for log in (one, two) * 100))
        for _ in range(20):
            await asyncio.gather(append(one, fact()), append(two, fact()))
        assert one.writer.resent == two.writer.resent == 0
    assert_whole(admin, 240)


async def test_a_command_that_the_database_refuses_fails_alone(log, database, admin):
    async def poisoned() -> Appended:
        answer = asyncio.get_running_loop().create_future()
        command = Command([("x", 1, "t", b"{}")], uuid4(), ORIGIN, b"", answer)
        command.rows = [command.rows[0]._replace(topic=b"not UTF-8: \xff")]
        log.writer.submit(command)
        return await answer

    results = await in_one_batch(log, database, admin, append(log, fact()), poisoned(), append(log, fact()))
    assert isinstance(results[1], Unstorable)
    assert (results[0].position, results[2].position) == (2, 3)


async def test_a_mistake_in_a_batch_reaches_its_callers_and_the_writer_goes_on(log):
    answer = asyncio.get_running_loop().create_future()
    command = Command([("x", 1, "t", b"{}")], uuid4(), ORIGIN, b"", answer)
    command.rows = [None]
    log.writer.submit(command)
    with pytest.raises(TypeError):
        await answer
    assert (await append(log, fact())).position == 1


async def test_a_log_without_tables_says_what_is_missing_at_once(empty_database):
    async with PostgresLog(empty_database) as log:
        with pytest.raises(psycopg.errors.InvalidSchemaName, match='schema "log" does not exist'):
            await append(log, fact())


async def test_cut_and_terminated_connections_under_load_lose_and_double_nothing(database, admin):
    """32 callers with races on hot streams, while the writer's connection is cut (outcomes unknown) or terminated again and again."""
    connections, acknowledged, lost = Connections(database), {}, []
    writer, hot, running = Writer(connections), {f"hot_{n}": 0 for n in range(4)}, True

    async def caller(number: int) -> None:
        while running:
            command, facts = uuid4(), [fact(), fact()]
            stream = f"hot_{number % 4}"
            hot[stream] += 1
            facts.append(fact(stream, hot[stream]))
            try:
                acknowledged[command] = await append(log, *facts, command=command)
            except Conflict:
                lost.append(command)
                hot[stream] = len(await log.stream(stream))

    async with PostgresLog(database, writer=writer, deadline=30) as log:
        callers = [asyncio.create_task(caller(number)) for number in range(32)]
        for round in range(40):
            done = writer.commands
            await until(lambda done=done: writer.commands >= done + 20)
            assert connections.cut() if round % 2 else terminate(admin, "tiangong log writer") >= 1
            resent = writer.resent
            await until(lambda resent=resent, done=done: writer.resent > resent or writer.commands > done + 200)
        running = False
        await asyncio.gather(*callers)
    writer.close()
    stored = dict(admin.execute("select command_id, first_position from log.stored_events_commands").fetchall())
    assert stored == {command: result.first for command, result in acknowledged.items()}
    assert not stored.keys() & set(lost)
    assert writer.rescued > 0
    assert_whole(admin, 3 * len(acknowledged))
