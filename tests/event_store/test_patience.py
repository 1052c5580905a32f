"""One timer for all appends: each hears after its own time, and nobody is kept waiting by those who were answered."""

import asyncio

import pytest

from adapters.event_store.patience import Patience
from application.ports.log import Appended, LogUnavailable


def patience(seconds: float) -> Patience:
    return Patience(seconds, lambda: LogUnavailable("late"))


async def wait(each: Patience) -> float:
    """Until it is late; how long that took."""
    loop = asyncio.get_running_loop()
    began, answer = loop.time(), loop.create_future()
    each.watch(answer)
    with pytest.raises(LogUnavailable, match="late"):
        await answer
    return loop.time() - began


async def test_each_hears_after_its_own_time():
    shared = patience(0.1)

    async def later(turns: int) -> float:
        await asyncio.sleep(turns * 0.03)
        return await wait(shared)

    assert all(0.09 <= seconds < 5 for seconds in await asyncio.gather(*map(later, range(4))))


async def test_who_was_answered_hears_nothing_more_and_is_not_kept():
    shared, loop = patience(0.05), asyncio.get_running_loop()
    answers = [loop.create_future() for _ in range(1000)]
    for answer in answers:
        shared.watch(answer)
        answer.set_result(Appended(1, 1, 1))
    assert await wait(shared) >= 0.04
    assert len(shared._waiting) == 0
    assert [answer.result().position for answer in answers] == [1] * 1000


async def test_after_a_pause_the_timer_starts_again():
    shared = patience(0.02)
    assert [await wait(shared) >= 0.01 for _ in range(3)] == [True] * 3


def test_it_works_on_the_next_event_loop_too():
    shared = patience(0.02)

    async def leave() -> None:
        shared.watch(asyncio.get_running_loop().create_future())

    asyncio.run(leave())
    assert asyncio.run(wait(shared)) >= 0.01
