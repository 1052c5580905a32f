"""One command's reading and writing: what was loaded is kept, what was recorded counts at once, and the cache is never believed blindly."""

import pytest

from application.work import Cache, Work, kind_of
from domain.delivery.events import DeliveryReceived
from domain.errors import NotFound
from domain.name.events import NameClaimed, NameFreed
from domain.name.model import stream_of
from tests.support.given import ANN, NOON, fact, numbered

NAME = stream_of("user", "ann")
CLAIMED, FREED = numbered([fact(NameClaimed, NAME, kind="user", name="ann", owner="usr_1"), fact(NameFreed, NAME)])


async def store(world, *events):
    caller = world.by()
    await world.log.append(events, caller.command, caller.origin)


async def test_what_was_recorded_counts_at_once_and_is_forgotten_by_a_reset(world):
    work = Work(world.log, Cache())
    work.record(None, CLAIMED)
    assert ((await work.name("user", "ann")).owner, work.events) == ("usr_1", [CLAIMED])
    work.reset()
    assert ((await work.name("user", "ann")).owner, work.events) == ("", [])


async def test_what_was_recorded_and_never_stored_is_not_in_the_cache(world):
    cache = Cache()
    work = Work(world.log, cache)
    await work.name("user", "ann")
    work.record(CLAIMED)
    assert (await Work(world.log, cache).name("user", "ann")).owner == ""


async def test_a_cached_state_is_brought_up_to_date(world):
    cache = Cache()
    await store(world, CLAIMED)
    assert (await Work(world.log, cache).name("user", "ann")).owner == "usr_1"
    await store(world, FREED)
    assert (await Work(world.log, cache).name("user", "ann")).owner == ""


async def test_within_one_command_a_state_stays_as_it_was_loaded(world):
    work = Work(world.log, Cache())
    await work.name("user", "ann")
    await store(world, CLAIMED)
    assert (await work.name("user", "ann")).owner == ""


def test_the_cache_keeps_the_latest_of_its_size():
    cache = Cache(size=2)
    for stream in ("a", "b", "a", "c"):
        cache.put(stream, stream.upper())
    assert [cache.get(stream) for stream in "abc"] == ["A", None, "C"]


@pytest.mark.parametrize("stream", ["", "nothing", "moon_1", "DEP_1"])
def test_there_is_nothing_with_a_strange_id(stream):
    with pytest.raises(NotFound, match="nothing with an id like"):
        kind_of(stream)


async def test_a_delivery_is_its_own_state(world):
    received = DeliveryReceived(stream="dlv_1", version=1, at=NOON, by=ANN, provider="github", event="push", delivery_id="d")
    await store(world, received)
    assert await Work(world.log, Cache()).find("dlv_1") == received
