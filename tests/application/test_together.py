"""Reads that go together: everybody gets what was there after they asked, nobody waits for ever."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.together import LANES, Together


class Counting:
    """A store whose value grows; a read takes some turns of the loop, and sees the value of its beginning."""

    def __init__(self, turns: int = 1) -> None:
        self.value, self.turns, self.reads = 0, turns, list[list[str]]()

    async def read(self, keys: list[str]) -> dict[str, int]:
        self.reads.append(keys)
        seen = self.value
        for _ in range(self.turns):
            await asyncio.sleep(0)
        return dict.fromkeys(keys, seen)


async def test_who_asks_while_others_read_shares_the_next_read():
    store = Counting(turns=5)
    together = Together(store.read)
    first = [asyncio.create_task(together.get(f"first {n}")) for n in range(LANES)]
    await asyncio.sleep(0)
    rest = [asyncio.create_task(together.get(str(n % 3))) for n in range(9)]
    await asyncio.gather(*first, *rest)
    assert [sorted(keys) for keys in store.reads][-1] == ["0", "1", "2"]


async def test_an_error_goes_to_all_who_shared_the_read_and_to_nobody_else():
    broken = True

    async def read(keys: list[str]) -> dict[str, int]:
        if broken:
            raise OSError("away")
        return dict.fromkeys(keys, 1)

    together = Together(read)
    found = await asyncio.gather(together.get("a"), together.get("a"), return_exceptions=True)
    assert [type(each) for each in found] == [OSError, OSError]
    broken = False
    assert await together.get("a") == 1


async def test_who_gives_up_takes_nothing_from_the_others():
    store = Counting(turns=3)
    together = Together(store.read)
    impatient, patient = asyncio.create_task(together.get("a")), asyncio.create_task(together.get("a"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == 0
    with pytest.raises(asyncio.CancelledError):
        await impatient


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 6)), min_size=1, max_size=40), st.integers(0, 4))
def test_everybody_is_answered_with_what_was_there_after_they_asked(asks, turns):
    async def run() -> None:
        store = Counting(turns)
        together = Together(store.read)

        async def ask(key: str, later: int) -> None:
            for _ in range(later):
                await asyncio.sleep(0)
            store.value += 1
            before = store.value
            assert await together.get(key) >= before

        async with asyncio.timeout(5):
            await asyncio.gather(*(ask(*each) for each in asks))

    asyncio.run(run())
