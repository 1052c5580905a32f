"""Several workers on one database: no attempt has two masters, whatever happens to leases and processes."""

import asyncio
import os
import signal
import sys
from collections import Counter
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psycopg

from adapters.event_store.reading import read
from domain.task import model
from domain.task.events import TaskFailed, TaskOutcomeRejected, TaskStarted, TaskSucceeded, TaskTakenOver
from tests.event_store.facts import database_away
from tests.runtime.file_target import FileTarget
from tests.runtime.party import Party, ended, holds, party
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]


async def test_two_workers_share_the_work_and_no_attempt_is_begun_twice(database, target, admin):
    async with party(database, target, "w1") as one, party(database, target, "w2") as two:
        ids = [await one.deploy() for _ in range(8)]
        one.work()
        two.work()
        assert await ended(one, *ids) == ["success"] * 8
    workers = Counter(event.worker for event in facts(admin) if isinstance(event, TaskStarted))
    assert workers.total() == 16
    assert set(workers) == {"w1", "w2"}
    assert [event for event in facts(admin) if isinstance(event, TaskTakenOver | TaskOutcomeRejected)] == []
    assert_one_master_each(admin, target.receipts)


async def test_leases_that_run_out_at_any_moment_give_no_attempt_two_ends(database, target, admin):
    """A thief takes leases away while the work is held, and while it ends."""
    target.hold("deploy")
    async with party(database, target, "w1") as one, party(database, target, "w2") as two, thief(database):
        ids = [await one.deploy() for _ in range(5)]
        one.work()
        two.work()
        await holds(lambda: taken_over(admin, 12))
        target.release("deploy")
        assert await ended(one, *ids) == ["success"] * 5
    assert_one_master_each(admin, target.receipts)


async def test_a_message_is_sent_once_by_two_workers(database, target):
    async with party(database, target, "w1") as one, party(database, target, "w2") as two:
        target.fail_next("deploy", "disk full")
        id = await one.deploy()
        one.work()
        two.work()
        assert await ended(one, id) == ["failed"]
        letters = [one.letters, two.letters]
        await until(lambda: sum(len(box.sent) for box in letters) == 2)  # failed; nothing to go back to
        await holds(lambda: no_timers(one))
        assert Counter(message.id for box in letters for message in box.sent).most_common(1)[0][1] == 1


async def test_when_the_one_that_reacts_is_gone_the_other_goes_on(database, target):
    async with party(database, target, "w2") as two:
        async with party(database, target, "w1") as one:
            one.work()
            assert await ended(one, await one.deploy()) == ["success"]
            two.work()
        assert await ended(two, await two.deploy()) == ["success"]


async def test_all_goes_on_after_the_database_was_away(database, databases, target, admin):
    target.hold("deploy")
    async with party(database, target, "w1") as one, party(database, target, "w2") as two:
        one.work()
        two.work()
        ids = [await one.deploy() for _ in range(3)]
        await until(lambda: len(target.receipts) == 3)
        with database_away(databases.admin, database):
            target.release("deploy")
            await until(lambda: one.supervisor.loops["processes"].errors and two.supervisor.loops["processes"].errors)
        assert await ended(one, *ids) == ["success"] * 3
    assert_one_master_each(admin, target.receipts)


async def test_a_killed_workers_attempt_is_taken_over_looked_at_and_ends_once(database, tmp_path, admin):
    """SIGKILL between start and end: the lease runs out, another looks, follows, and reports the one end."""
    target = FileTarget(tmp_path)
    async with party(database, target, "w2") as other:
        id = await other.deploy()
        task = await other.task(id)
        async with process(database, tmp_path) as pid:
            await until(lambda: target.receipts("start") == [f"{task}-1"], 20)
            os.kill(pid, signal.SIGKILL)
        other.work()
        await until(lambda: target.receipts("looked") == [f"{task}-1"])
        (tmp_path / "go").touch()
        assert await ended(other, id) == ["success"]
        assert [topic for topic in await other.topics(task) if topic != "task.released"] == ["task.started", "task.taken_over", "task.succeeded"]
    assert target.receipts("start") == target.receipts("end") == sorted([f"{task}-1", f"{await other_task(admin, id)}-1"])


@asynccontextmanager
async def process(database: str, folder: Path):
    """A worker in a process of its own; its pid."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.runtime.file_target", database, str(folder), cwd=ROOT)
    try:
        yield process.pid
    finally:
        if process.returncode is None and process.pid:
            with suppress(ProcessLookupError):
                process.kill()
        await process.wait()


@asynccontextmanager
async def thief(database: str):
    """Lets leases run out before their time, one after the other."""
    async def steal() -> None:
        async with await psycopg.AsyncConnection.connect(database, autocommit=True) as conn:
            while True:
                await conn.execute("update ops.work_queue set lease_until = clock_timestamp() where (task_id, attempt) in ("
                                   "select task_id, attempt from ops.work_queue where lease is not null order by random() limit 1)")
                await asyncio.sleep(0.03)

    stealing = asyncio.create_task(steal())
    try:
        yield
    finally:
        stealing.cancel()
        await asyncio.gather(stealing, return_exceptions=True)


def facts(admin):
    return [record.event for record in read(admin, 0, 10_000)]


def assert_one_master_each(admin, receipts: list[str]) -> None:
    """Every end was reported by the newest token of its time; each attempt has one; the target did each step once."""
    tasks: dict[str, model.Task] = {}
    ends: Counter[str] = Counter()
    for event in facts(admin):
        if not event.stream.startswith("task_"):
            continue
        before = tasks.get(event.stream)
        if isinstance(event, TaskStarted | TaskTakenOver):
            assert before is not None
            assert event.token == before.token + 1
        if isinstance(event, TaskSucceeded | TaskFailed):
            assert before is not None
            assert (event.attempt, event.token) == (before.attempt, before.token)
            ends[f"{event.stream}-{event.attempt}"] += 1
        tasks[event.stream] = model.evolve(before, event)
    assert set(ends.values()) == {1}
    assert [receipt for receipt, count in Counter(receipts).items() if count > 1] == []


async def taken_over(admin, times: int) -> bool:
    return sum(isinstance(event, TaskTakenOver) for event in facts(admin)) >= times


async def no_timers(one: Party) -> bool:
    async with one.pool.connection() as conn:
        row = await (await conn.execute("select count(*) from ops.timers")).fetchone()
    return row == (0,)


async def other_task(admin, deployment: str) -> str:
    [found] = {event.stream for event in facts(admin) if event.TOPIC == "task.released" and event.job.type == "health_check"}
    return found
