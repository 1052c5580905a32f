"""Slots: taken in turn, lent while their holders wait; and how much room there is for what an end releases."""

import asyncio
import contextlib
from uuid import uuid4

import pytest

from adapters.event_store.command import Unstorable
from adapters.runtime.slots import Hands, Slots
from application.ports.executor import Outcome
from application.processes.telling import Telling
from application.tasks.reports import Holding
from domain.recorded import Cause
from domain.registry import decode
from domain.task.model import evolve
from tests.golden.make import path


async def test_who_waits_gets_the_next_one_in_turn():
    slots, order = Slots(1), []

    async def one(name: str) -> None:
        await slots.take()
        order.append(name)

    await slots.take()
    waiting = [asyncio.create_task(one(name)) for name in "abc"]
    await asyncio.sleep(0)
    for _ in range(3):
        slots.give()
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert (order, slots.free) == (["a", "b", "c"], 0)


async def test_who_gives_up_waiting_takes_none_with_him():
    slots = Slots(1)
    await slots.take()
    waiting = asyncio.create_task(slots.take())
    await asyncio.sleep(0)
    slots.give()  # it is his now, and in the same moment he gives up
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert slots.free == 1


async def test_what_is_free_is_taken_without_waiting_and_no_more():
    slots = Slots(3)
    assert (slots.take_free(2), slots.take_free(2), slots.take_free(1), slots.free) == (2, 1, 0, 0)
    slots.give(3)
    assert slots.free == 3


@pytest.mark.parametrize(("idle", "own", "wanted", "room", "left"), [
    (True, 1, 0, 0, 3),
    (True, 1, 1, 1, 3),
    (True, 1, 3, 3, 1),
    (True, 1, 9, 4, 0),
    (True, 3, 2, 2, 3),
    (False, 1, 1, 0, 3),  # others wait in the queue
])
def test_there_is_room_for_as_many_as_end_and_in_what_is_free_but_not_before_others(idle, own, wanted, room, left):
    slots = Slots(3)
    slots.idle = idle
    assert Hands(slots, "w1").room(own).take(wanted) == room
    assert slots.free == left


def test_of_several_answers_the_last_one_counts():
    slots = Slots(5)
    slots.idle = True
    room = Hands(slots, "w1").room(1)
    assert [room.take(wanted) for wanted in (6, 2, 4)] == [6, 2, 4]
    assert slots.free == 2


@pytest.mark.parametrize(("begun", "free"), [(0, 3), (1, 3), (2, 2), (4, 0)])
def test_what_was_taken_for_more_than_was_begun_is_given_back(begun, free):
    slots = Slots(3)
    slots.idle = True
    room = Hands(slots, "w1").room(1)
    assert room.take(9) == 4
    room.keep(begun)
    assert slots.free == free


@pytest.mark.parametrize("number", [1, 2])
async def test_an_end_that_cannot_be_stored_costs_no_slot(number):
    """The log refuses it when room has been taken already for what it releases."""
    slots = Slots(4)
    slots.idle = slots.take_free(number) == number
    released = decode("task.released", path("task.released", 1, "full").read_bytes().rstrip(b"\n"))
    held = Holding(evolve(None, released), 1, False, Cause(uuid4(), uuid4()))

    class Refusing:
        async def succeed_all(self, ends, room):
            assert room.take(4) > 2
            raise Unstorable("not a text")

        async def fail(self, held, error, result):
            assert "not a text" in error

    telling = Telling(Refusing(), Hands(slots, "w1"))
    with contextlib.ExitStack() as stack:
        for _ in range(number):
            stack.enter_context(telling.expecting(held))
        await asyncio.gather(*(telling.ended(held, Outcome("succeeded")) for _ in range(number)))
    assert slots.free == 4 - number


async def test_ends_of_one_deployment_with_other_causes_take_turns():
    """They write the same stream: side by side, one end after the other would outrun many that are told together, again and again."""
    released = decode("task.released", path("task.released", 1, "full").read_bytes().rstrip(b"\n"))
    held, other = (Holding(evolve(None, released), 1, False, Cause(uuid4(), uuid4())) for _ in range(2))
    told, at_once, going = [], 0, asyncio.Event()

    class Slow:
        async def succeed_all(self, ends, room):
            nonlocal at_once
            at_once += 1
            assert at_once == 1
            await going.wait()
            await asyncio.sleep(0)
            told.append(len(ends))
            at_once -= 1
            return []

    telling = Telling(Slow())
    with contextlib.ExitStack() as stack:
        for one in (held, held, other):
            stack.enter_context(telling.expecting(one))
        ends = [asyncio.create_task(telling.ended(one, Outcome("succeeded"))) for one in (held, held, other)]
        await asyncio.sleep(0)
        going.set()
        await asyncio.gather(*ends)
    assert sorted(told) == [1, 2]
