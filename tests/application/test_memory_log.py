"""The log in memory keeps the port's promises; the real one is tested for the same in tests/event_store."""

from uuid import UUID

import pytest

from adapters.event_store.chain import GENESIS, link
from application.ports.log import Appended, Conflict, IdReused
from domain.name.events import NameClaimed
from domain.recorded import Origin
from tests.support.given import NOON
from tests.support.memory_log import MemoryLog

ORIGIN = Origin("usr_ann", UUID(int=9))
ONE, TWO, THREE = UUID(int=1), UUID(int=2), UUID(int=3)


def claimed(stream, version):
    return NameClaimed(stream=stream, version=version, at=NOON, by="usr_ann", kind="user", name=stream, owner="usr_ann")


async def test_several_streams_are_stored_in_one_order_and_read_back_each():
    log = MemoryLog()
    assert await log.append([claimed("a", 1), claimed("b", 1), claimed("a", 2)], ONE, ORIGIN) == Appended(3, 1, 3)
    assert await log.append([claimed("b", 2)], TWO, ORIGIN) == Appended(4, 4, 1)
    assert await log.stream("a") == [claimed("a", 1), claimed("a", 2)]
    assert await log.stream("a", after=1) == [claimed("a", 2)]
    assert await log.stream("c") == []
    assert [(r.position, r.event.stream, r.command) for r in log.recorded(2)] == [(3, "a", ONE), (4, "b", TWO)]


@pytest.mark.parametrize("events", [
    [claimed("a", 1)], [claimed("a", 3)], [claimed("b", 2)], [claimed("b", 1), claimed("a", 1)], [claimed("a", 2), claimed("a", 2)],
    [claimed("a", 2), claimed("a", 4)],
])
async def test_who_does_not_follow_stores_nothing(events):
    log = MemoryLog()
    await log.append([claimed("a", 1)], ONE, ORIGIN)
    with pytest.raises(Conflict):
        await log.append(events, TWO, ORIGIN)
    assert (log.position, await log.stream("b"), await log.command(TWO)) == (1, [], None)


async def test_the_same_command_again_stores_nothing_and_answers_the_same():
    log = MemoryLog()
    first = await log.append([claimed("a", 1)], ONE, ORIGIN, b"ask")
    await log.append([claimed("b", 1)], TWO, ORIGIN)
    again = await log.append([claimed("a", 2)], ONE, ORIGIN, b"ask")
    assert again == Appended(first.position, first.first, first.count, repeated=True)
    assert (await log.command(ONE), log.position) == ([claimed("a", 1)], 2)
    with pytest.raises(IdReused):
        await log.append([claimed("a", 2)], ONE, ORIGIN, b"something else")


async def test_a_command_without_events_is_known_and_stands_at_the_head():
    log = MemoryLog()
    await log.append([claimed("a", 1)], ONE, ORIGIN)
    assert await log.append([], TWO, ORIGIN) == Appended(1, 2, 0)
    assert (await log.command(TWO), await log.command(THREE)) == ([], None)


async def test_every_digest_covers_what_came_before():
    log = MemoryLog()
    await log.append([claimed("a", 1), claimed("a", 2)], ONE, ORIGIN)
    first, second = log.stored
    assert first.digest == link(GENESIS, "a", 1, "name.claimed", first.state)
    assert second.digest == link(first.digest, "a", 2, "name.claimed", second.state)
