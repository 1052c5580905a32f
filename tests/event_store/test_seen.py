"""What a command has read and does not write is compared when its facts are stored: in the same moment, under the same lock."""

import asyncio
import itertools
import random
from uuid import uuid4

import pytest

from adapters.event_store.command import Unstorable
from adapters.event_store.log import PostgresLog
from adapters.event_store.reading import read
from application.house import House
from application.ports.log import Appended, Conflict
from tests.event_store.facts import ORIGIN, append, assert_whole, fact, in_one_batch
from tests.support.rivals import APPLICATIONS, BEGINNING, ENVIRONMENTS, Wish, assert_as_if_one_after_the_other, carry_out


def reading(log: PostgresLog, seen: dict[str, int], *events, command=None):
    return log.append(events or [fact()], command or uuid4(), ORIGIN, b"", seen)


async def test_what_is_still_so_lets_the_facts_in(log):
    await append(log, fact("x"), fact("x", 2))
    assert (await reading(log, {"x": 2, "never": 0})).position == 3


@pytest.mark.parametrize("seen", [{"x": 1}, {"x": 3}, {"x": 0}, {"never": 1}, {"x": 2, "y": 0}])
async def test_what_has_changed_keeps_them_out(log, seen):
    await append(log, fact("x"), fact("x", 2), fact("y"))
    with pytest.raises(Conflict, match="somebody wrote first to one of"):
        await reading(log, seen)
    assert await log.stream("z") == []


async def test_a_stream_may_be_read_at_one_version_and_written_at_another_never(log):
    await append(log, fact("x"), fact("x", 2))
    with pytest.raises(Conflict):
        await reading(log, {"x": 1}, fact("x", 3))


async def test_one_that_loses_does_not_take_the_others_of_its_batch_along(log, database, admin):
    await append(log, fact("x"))
    found = await in_one_batch(log, database, admin, reading(log, {"x": 1}), reading(log, {"x": 9}), reading(log, {"x": 1, "y": 0}))
    assert [type(each) for each in found] == [Appended, Conflict, Appended]


async def test_of_two_that_come_together_the_reader_sees_what_the_writer_before_it_stored(log, database, admin):
    found = await in_one_batch(log, database, admin, append(log, fact("x")), reading(log, {"x": 0}))
    assert [type(each) for each in found] == [Appended, Conflict]
    found = await in_one_batch(log, database, admin, reading(log, {"y": 0}), append(log, fact("y")))
    assert [type(each) for each in found] == [Appended, Appended]
    found = await in_one_batch(log, database, admin, reading(log, {"a": 0}, fact("b")), reading(log, {"b": 0}, fact("a")))
    assert [type(each) for each in found] == [Appended, Conflict]


async def test_readers_of_one_stream_share_a_commit(log, database, admin):
    before = log.writer.batches
    await in_one_batch(log, database, admin, *(reading(log, {"x": 0}) for _ in range(5)))
    assert log.writer.batches - before == 2  # the one that was held, and theirs


async def test_a_command_that_comes_again_is_answered_the_same_whatever_it_read(log):
    command, event = uuid4(), fact()
    first = await reading(log, {"x": 0}, event, command=command)
    await append(log, fact("x"))
    assert await reading(log, {"x": 0}, event, command=command) == Appended(first.position, first.first, 1, repeated=True)


@pytest.mark.parametrize("stream", ["a\0b", "half \ud800"])
async def test_a_strange_name_of_a_stream_harms_nobody_else(log, stream):
    with pytest.raises(Unstorable):
        await reading(log, {stream: 0})
    assert (await append(log, fact())).position == 1


async def test_two_houses_that_believe_their_caches_act_as_if_one_command_came_after_the_other(database, admin):
    chance, numbers = random.Random(4), itertools.count()

    def wish() -> Wish:
        what = chance.choice(["set", "use", "use", "use", "use", "delete"] if next(numbers) > 400 else ["set", "use", "use", "use"])
        return Wish(what, chance.choice(ENVIRONMENTS), chance.choice(APPLICATIONS), chance.random() < 0.7)

    async with PostgresLog(database) as one, PostgresLog(database) as other:
        await append(one, *BEGINNING)

        async def position() -> int:
            return admin.execute("select position from log.stored_events_head").fetchone()[0]

        async def caller(house: House):
            return [await carry_out(house, wish(), next(numbers), position) for _ in range(30)]

        found = await asyncio.gather(*(caller(house) for house in [House(one), House(other)] * 6))
    outcomes = [each for some in found for each in some]
    assert {"done", "refused"} <= {each.told for each in outcomes}
    assert_as_if_one_after_the_other(outcomes, [(each.command, each.event) for each in read(admin, 0, 10_000)])
    assert_whole(admin)
