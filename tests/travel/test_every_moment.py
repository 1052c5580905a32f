"""For histories by chance through the whole application: how something was at a position is what read models say that end there."""

import asyncio

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings
from psycopg_pool import AsyncConnectionPool

from adapters.event_store.past import PastLog
from application.applications import ChangeApplication
from application.caller import process
from application.environments import ChangeEnvironment
from domain.user.events import UserCreated
from projections.catalogue import PROJECTIONS
from projections.engine.projector import Projector
from projections.queries import get_change, get_deployment, get_environment
from projections.travel.machine import TimeMachine
from tests.application.test_everything import ACTS, WORDS, Everything, N
from tests.application.world import World
from tests.support.given import NOON
from tests.travel.store import store

QUESTIONS = {"env": ("environment", get_environment), "dep": ("deployment", get_deployment), "chg": ("change", get_change)}
MORE = ["place: look", "place: rename", "place: delete", "place: somebody", *["change: approved", "change: execute", "work: succeed"] * 3]


class Life(Everything):
    """Also with what happens to environments and users."""

    @staticmethod
    def do(work):
        return asyncio.run(work)

    async def place(self, n: int, verb: str, word: str) -> None:
        w, hand, id = self.world, self.hand, self.hand.pick("env", n)
        match verb:
            case "somebody":
                await self._enter(f"usr_{('all', 'col')[n % 2]}")
            case "look":
                await hand.try_(w.environments.check(hand.me, id))
            case "rename":
                await hand.try_(w.environments.change(hand.me, ChangeEnvironment(id, name=f"env{n}")))
                await hand.try_(w.applications.change(hand.me, ChangeApplication(hand.pick("app", n), name=f"app{n}")))
            case "delete":
                await hand.try_(w.environments.delete(hand.me, id))

    async def _enter(self, id: str) -> None:
        """Somebody who has done things already gets a name."""
        if id not in self.world.log.streams:
            user = UserCreated(stream=id, version=1, at=self.world.now, by=id, username=id, email=f"{id}@example.com", roles=())
            caller = process("tests", id)
            await self.world.log.append([user], caller.command, caller.origin)


def lived(acts: list[tuple[str, int, str]], lived_in: bool) -> World:
    life = Life()
    life.build(fulfilled=1, lived_in=lived_in)
    for act, n, word in acts:
        life.anything(act, n, word)
    return life.world


async def compare(world: World, whole: str, growing: str) -> None:
    """`whole` has the log and read models of its end; `growing` gets one fact after the other."""
    recorded = world.log.recorded(0)
    store(whole, world.log.stored, NOON)
    things = [stream for stream in world.log.streams if stream.partition("_")[0] in QUESTIONS]
    ends, grows = Projector(whole, PROJECTIONS), Projector(growing, PROJECTIONS)
    try:
        ends.apply(recorded)
        async with TimeMachine(whole, PastLog()) as machine, AsyncConnectionPool(growing, min_size=1, max_size=1, open=False) as pool:
            for position in range(len(recorded) + 1):
                grows.apply(recorded[position - 1:position])
                for id in chosen(things, recorded[position - 1].event.stream, position):
                    what, question = QUESTIONS[id.partition("_")[0]]
                    assert await machine.ask(what, question, id, position) == await question(pool, id), (id, position, recorded[position - 1])
        assert ends.quarantined == grows.quarantined == 0
    finally:
        ends.close()
        grows.close()


def chosen(things: list[str], touched: str, position: int) -> set[str]:
    """What the newest fact is about, every environment that is concerned, and some others in turn."""
    return {id for id in things if id == touched or id.startswith("env_")} | {things[(position * 2 + n) % len(things)] for n in range(2)}


@given(acts=st.lists(st.tuples(st.sampled_from([*ACTS, *MORE]), N, WORDS), min_size=10, max_size=50), lived_in=st.booleans())
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_how_it_was_is_what_read_models_say_that_end_there(databases, acts, lived_in):
    world = lived(acts, lived_in)
    whole, growing = databases.create(), databases.create()
    try:
        asyncio.run(compare(world, whole, growing))
    finally:
        databases.drop(whole)
        databases.drop(growing)
