"""A follower beside whoever appends: it takes what is near, reads the rest, and sees each fact once, in order."""

import asyncio
import threading
from contextlib import closing
from uuid import uuid4

from adapters.event_store import follower as module
from adapters.event_store.follower import Follower
from adapters.event_store.log import PostgresLog
from adapters.event_store.reading import read
from application.lately import Lately
from domain.registry import encode
from domain.task.events import TaskCancelRequested
from tests.event_store.facts import NOON, ORIGIN, append
from tests.event_store.tail import Tail
from tests.runtime.party import ended, party
from tests.support.waiting import until


def fact() -> TaskCancelRequested:
    """One that names nobody."""
    return TaskCancelRequested(stream=f"task_{uuid4()}", version=1, at=NOON, by="usr_ann", attempt=1, reason="")


async def keep(log: PostgresLog, lately: Lately, number: int) -> None:
    """Append a command's facts, and keep them as a house does."""
    events = [fact() for _ in range(number)]
    appended = await append(log, *events)
    lately.add(appended.first, events, ORIGIN.correlation, ORIGIN)


async def test_what_was_appended_here_is_not_read(database, monkeypatch):
    lately, reads = Lately(), []

    def read(conn, after, *rest):
        reads.append(after)
        return []

    async with PostgresLog(database) as log:
        monkeypatch.setattr(module, "read", read)
        with closing(Follower(database, 0, near=lately.after).batches(threading.Event())) as batches:
            assert next(batches) == []
            await keep(log, lately, 2)
            assert [one.position for one in next(batches)] == [1, 2]
            await keep(log, lately, 1)
            assert [one.position for one in next(batches)] == [3]
    assert reads == [0]


async def test_what_others_append_in_between_is_seen_in_its_place_and_at_once(database):
    """It looks by itself after an hour: whatever it overlooks is missing in the end."""
    lately = Lately()
    async with PostgresLog(database) as here, PostgresLog(database) as there:

        async def ours() -> None:
            for number in range(60):
                await keep(here, lately, 1 + number % 3)

        async def theirs() -> None:
            for _ in range(60):
                await append(there, fact())

        with Tail(Follower(database, 0, batch=20, idle=3600, near=lately.after)) as tail:
            try:
                await asyncio.gather(ours(), theirs(), theirs())
                await until(lambda: tail.positions == list(range(1, 241)), 10)
            finally:
                tail.stop.set()
                await append(there, fact())  # wakes it, so that it sees the stop


async def test_a_burst_of_what_is_near_hides_nothing_behind_it(database):
    lately = Lately()
    async with PostgresLog(database) as here, PostgresLog(database) as there:
        with Tail(Follower(database, 0, idle=3600, near=lately.after)) as tail:
            try:
                for round in range(1, 31):
                    await keep(here, lately, 3)
                    await append(there, fact())
                    await until(lambda: tail.positions == list(range(1, 4 * round + 1)), 5)  # noqa: B023  # awaited in its round
            finally:
                tail.stop.set()
                await append(there, fact())


async def test_what_is_near_is_what_a_follower_would_read(database, target, admin):
    """A whole deployment, from its application's creation to its end: to the byte, but for facts that may name people."""
    async with party(database, target) as w:
        id = await w.deploy()
        w.work()
        assert await ended(w, id) == ["success"]
        stored = read(admin, 0, 1000)
        found = [pair for begin in range(len(stored)) for pair in zip(w.house.lately.after(begin, 1), stored[begin:], strict=False)]
    for one, each in found:
        assert (one.position, one.event, one.command, one.origin) == (each.position, each.event, each.command, each.origin)
        assert encode(one.event) == encode(each.event)
    assert len({each.event.TOPIC for _, each in found}) > 8
