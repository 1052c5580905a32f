"""Commands believe their own process's cache, and are right all the same: whoever else writes, nothing is stored, refused or left undone
that the log itself would not have answered. docs/decisions/0010-cached-states.md."""

import asyncio
import itertools
from collections.abc import Iterator
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.house import House
from application.ports.log import NOTHING, LogUnavailable
from application.work import Work
from domain.errors import NotFound, Refused
from tests.application.world import World
from tests.support.given import ANN, NOON
from tests.support.memory_log import MemoryLog
from tests.support.rivals import APPLICATIONS, BEGINNING, ENVIRONMENTS, Wish, assert_as_if_one_after_the_other, carry_out

LOST = 9
WISHES = st.builds(Wish, st.sampled_from(["set", "use", "use", "use", "delete"]), st.sampled_from(ENVIRONMENTS), st.sampled_from(APPLICATIONS),
                   st.booleans())


class SlowLog(MemoryLog):
    """Everything takes some turns of the loop, before it happens and until it is known; `LOST`: the answer to an append never comes."""

    def __init__(self, turns: Iterator[int]) -> None:
        super().__init__()
        self._turns = turns
        self.reads = 0

    async def _pass(self) -> int:
        turns = next(self._turns)
        for _ in range(turns):
            await asyncio.sleep(0)
        return turns

    async def append(self, events, command, origin, request=b"", seen=NOTHING):
        await self._pass()
        done = await super().append(events, command, origin, request, seen)
        if await self._pass() == LOST:
            raise LogUnavailable("the answer was lost")
        return done

    async def stream(self, stream, after=0):
        self.reads += 1
        await self._pass()
        found = await super().stream(stream, after)
        await self._pass()
        return found


async def begun(turns: list[int]) -> SlowLog:
    log = SlowLog(itertools.repeat(0))
    await MemoryLog.append(log, BEGINNING, UUID(int=1), World.by().origin)
    log._turns = itertools.cycle(turns)
    return log


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(WISHES, min_size=1, max_size=6), min_size=2, max_size=5), st.lists(st.integers(0, LOST), min_size=1, max_size=30))
def test_whatever_two_houses_do_at_once_it_is_as_if_one_command_came_after_the_other(callers, turns):
    async def run() -> None:
        log = await begun([*turns, 0])
        houses, numbers = (House(log), House(log)), itertools.count()

        async def position() -> int:
            return log.position

        async def call(house, wishes):
            return [await carry_out(house, wish, next(numbers), position) for wish in wishes]

        found = await asyncio.gather(*(call(house, wishes) for house, wishes in zip(itertools.cycle(houses), callers, strict=False)))
        assert_as_if_one_after_the_other([each for some in found for each in some],
                                         [(row.command, event) for row, event in zip(log.stored, log.events(), strict=True)])

    asyncio.run(run())


@pytest.fixture
async def two() -> tuple[SlowLog, House, House]:
    """Two houses that both know everything."""
    log = await begun([0])
    houses = House(log), House(log)
    for house in houses:
        for stream in (*ENVIRONMENTS, *APPLICATIONS):
            await Work(log, house.cache).find(stream)
    log.reads = 0
    return log, *houses


def use(stream: str = "app_1", environment: str = "env_1"):
    async def decide(work: Work) -> str:
        if not (await work.environment(environment)).is_active:
            raise Refused("the environment is not active")
        app = await work.application(stream)
        work.record(*app.change(f"{app.name}!", app.type, app.config, at=NOON, by=ANN))
        return stream

    return decide


def turn(active: bool, environment: str = "env_1"):
    async def decide(work: Work) -> str:
        env = await work.environment(environment)
        work.record(*env.change(env.name, env.type, env.config, active, at=NOON, by=ANN))
        return environment

    return decide


def run(house: House, decide):
    return house.run(World.by(), "environment:update", decide)


async def test_what_is_known_and_what_oneself_stored_is_not_read_again(two):
    log, ours, _ = two
    for _ in range(5):
        await run(ours, use())
    await run(ours, turn(False))
    assert log.reads == 0


async def test_what_was_read_and_not_written_is_compared_when_the_facts_are_stored(two):
    """The other house has switched the environment off: nothing more is stored for it here, though this one has not heard."""
    _, ours, other = two
    await run(other, turn(False))
    with pytest.raises(Refused, match="not active"):
        await run(ours, use())


async def test_a_refusal_on_what_was_so_once_is_not_told(two):
    _, ours, other = two
    await run(ours, turn(False))
    await run(other, turn(True))  # which the other had to read first: for it the environment was active all the time
    assert (await run(ours, use())).position


async def test_nothing_to_do_is_said_only_of_what_the_log_says(two):
    log, ours, other = two
    await run(other, turn(False))
    before = log.position
    assert (await run(ours, turn(True))).position == before + 1
    assert (await run(ours, turn(True))).position == 0


async def test_a_thing_that_another_process_made_is_found(two):
    log, ours, _ = two
    with pytest.raises(NotFound):
        await run(ours, use("app_3"))
    await log.append([type(BEGINNING[2])(stream="app_3", version=1, at=NOON, by=ANN, name="n", repository="r", type="t", config={})],
                     UUID(int=7), World.by().origin)
    assert (await run(ours, use("app_3"))).position


async def test_states_whose_append_has_no_known_outcome_are_read_again(two):
    log, ours, _ = two
    log._turns = itertools.cycle([LOST])
    with pytest.raises(LogUnavailable):
        await run(ours, use())
    log._turns = itertools.repeat(0)
    assert (await run(ours, use())).position
    assert log.reads == 1


async def test_what_was_read_before_a_reset_counts_too(two):
    """A refusal that a command turns into a fact stands on what was read for it."""
    log, ours, other = two

    async def decide(work: Work) -> str:
        note = "used" if (await work.environment("env_1")).is_active else "not used"
        work.reset()
        app = await work.application("app_1")
        work.record(*app.change(note, app.type, app.config, at=NOON, by=ANN))
        return "app_1"

    await run(other, turn(False))
    await run(ours, decide)
    assert (await Work(log, ours.cache).application("app_1")).name == "not used"
