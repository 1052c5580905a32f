"""How long does it take to say how something was? At random times of a log of 1,000,000 real facts (or as many as the first argument says), half of
them in one environment with more than 20,000 deployments of 50 applications; each question as the API asks it: from a time to a position, from
there to the row. By one reader, then by ten at once. Prints a JSON line for each kind of thing; there is no peer, the goal is in milliseconds."""

import asyncio
import itertools
import os
import random
import re
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

import psycopg

from adapters.event_store.past import PastLog
from api.wiring.database import as_server
from api.wiring.projecting import collect_seldom
from application.changes import CreateChange
from projections.catalogue import PROJECTIONS
from projections.engine.connections import connect
from projections.engine.listing import Row
from projections.engine.projector import move_to
from projections.engine.write import write
from projections.queries import get_change, get_deployment, get_environment
from projections.travel.machine import TimeMachine
from tests.application.town import BUILT
from tests.application.world import World
from tests.bench.history import BEGIN, LIVES, Command, commands, commands_of
from tests.bench.measure import databases, percentile, show
from tests.bench.seeding import Told, fill

EVENTS, ASKED, READERS, GOAL, SLOTS = 1_000_000, 200, 10, 100.0, 25
HOT = "env_0001" + "0" * 7
VERSION = re.compile(rb'"version":\d+')
HISTORY = [projection for projection in PROJECTIONS if projection.name == "history"]
Question = Callable[..., Awaitable[Row | None]]


async def town() -> list[Command]:
    """As in `history`, and every other deployment there is an approved change."""
    world = World()
    env, shop, blog = await world.env(), await world.app("shop", **BUILT), await world.app("blog", **BUILT)
    for number, life in enumerate(LIVES, 1):
        version = await world.version(f"v1.{number}.0")
        await (life(world, version, env, shop, blog) if number % 2 else agreed(world, version, env, shop))
        await world.run()
    await world.close()
    return commands_of(world.log.stored)


async def agreed(w: World, version: str, env: str, shop: str) -> None:
    payload = {"version_id": version, "application_ids": [shop], "environment_id": env}
    id = (await w.changes.create(w.by(), CreateChange("next", "deployment", payload))).id
    await w.changes.submit(w.by(), id)
    await w.changes.approve(w.by("approver"), id)
    await w.changes.execute(w.by(), id)


class Facts:
    """The towns' facts; three of five towns are a part of the hot environment, each with one of 25 pairs of applications."""

    def __init__(self) -> None:
        self.deployments = 0
        self._versions: dict[str, int] = {}

    def commands(self) -> Iterator[tuple[str, list[tuple[str, int, str, bytes]]]]:
        """For ever: who, and of each fact its stream, version, topic and bytes."""
        for number, (name, (actor, _, facts)) in enumerate(commands(asyncio.run(town()))):
            at = (BEGIN + timedelta(seconds=number)).isoformat().replace("+00:00", "Z").encode()
            found = [placed for fact in facts if (placed := self._placed(name, fact.stream, fact.topic, fact.state(name.encode(), at)))]
            if found:
                yield actor, found

    def _placed(self, name: str, stream: str, topic: str, state: bytes) -> tuple[str, int, str, bytes] | None:
        hot = int(name) % 5 < 3
        kind, stream = stream.partition("_")[0], self._moved(stream + name, name) if hot else stream + name
        if hot and topic in ("environment.created", "application.created") and stream in self._versions:
            return None
        self.deployments += hot and topic == "deployment.created"
        version = self._versions[stream] = self._versions.get(stream, 0) + 1
        state = self._moved(state.decode(), name).encode() if hot else state
        return stream, version, topic, VERSION.sub(b'"version":%d' % version, state, count=1) if hot and kind == "lane" else state

    @staticmethod
    def _moved(text: str, name: str) -> str:
        slot = f"{(int(name) // 5 * 3 + int(name) % 5) % SLOTS:07}"
        return text.replace("env_0001" + name, HOT).replace("lane_0001" + name, "lane" + HOT[3:]).replace(
            "app_0001" + name, "app_0001" + slot).replace("app_0002" + name, "app_0002" + slot)


def seed(conninfo: str, events: int) -> tuple[int, datetime, int]:
    """Its length, when it ends, and how many deployments the hot environment has seen."""
    facts, end = Facts(), BEGIN

    def told() -> Iterator[Told]:
        nonlocal end
        for number, (actor, found) in enumerate(facts.commands(), 1):
            end = BEGIN + timedelta(seconds=number)
            yield Told(UUID(int=number), actor, UUID(int=number), end, found)

    return fill(conninfo, told(), events), end, facts.deployments


def index(conninfo: str, length: int) -> None:
    """What the projection `history` makes of the log: it is shown only the facts that mean something to it, which saves a minute."""
    with connect(conninfo, statement_timeout=0) as conn:
        conn.execute("set synchronous_commit = off")
        found = conn.execute("select notification_id from log.stored_events where topic like any(%s) order by 1", (["lane.%", "environment.%"],))
        positions = [position for (position,) in found]
        for page in range(0, len(positions), 5000):
            with conn.transaction():
                write(conn, HISTORY, PastLog().at_positions(conn, positions[page:page + 5000]))
        move_to(conn, length)
        conn.execute("vacuum (analyze) environment_history, lane_history")


async def asked(machine: TimeMachine, what: str, question: Question, id: str, at: datetime) -> tuple[float, bool]:
    """Milliseconds, and whether it was there then."""
    began = time.perf_counter()
    row = await machine.ask(what, question, id, await machine.position_at(at))
    return (time.perf_counter() - began) * 1000, row is not None


async def measure(machine: TimeMachine, what: str, called: str, question: Question, ids: list[str], end: datetime, **more: object) -> None:
    chance = random.Random(7)
    moments = [(chance.choice(ids), BEGIN + (end - BEGIN) * chance.random()) for _ in range(ASKED)]
    await asked(machine, what, question, *moments[0])  # the connection is made
    alone = [await asked(machine, what, question, *moment) for moment in moments]
    rest = iter(moments)

    async def reader() -> list[tuple[float, bool]]:
        return [await asked(machine, what, question, *moment) for moment in rest]

    together = list(itertools.chain(*await asyncio.gather(*(reader() for _ in range(READERS)))))
    for readers, found in ((1, alone), (READERS, together)):
        times = [milliseconds for milliseconds, _ in found]
        at = {name: round(percentile(times, share), 1) for name, share in (("p10", 0.1), ("p50", 0.5), ("worst", 1.0))}
        p99 = percentile(times, 0.99)
        show(f"how {called} was, ms", ours=round(p99, 1), **at, ratio=round(GOAL / p99, 1), goal=GOAL, readers=readers,
             load=round(os.getloadavg()[0], 1), there=sum(there for _, there in found), **more)


async def ask_everything(conninfo: str, end: datetime, **more: object) -> None:
    ids = {kind: [id for (id,) in await streams(conninfo, kind)] for kind in ("env", "dep", "chg")}
    async with TimeMachine(as_server(conninfo), PastLog()) as machine:
        await measure(machine, "environment", "the hot environment", get_environment, [HOT], end, **more)
        await measure(machine, "environment", "an environment", get_environment, ids["env"], end, **more)
        await measure(machine, "deployment", "a deployment", get_deployment, ids["dep"], end, **more)
        await measure(machine, "change", "a change", get_change, ids["chg"], end, **more)


async def streams(conninfo: str, kind: str) -> list[tuple[str]]:
    """Ids of a kind, some hundred of them, from all of the log."""
    async with await psycopg.AsyncConnection.connect(conninfo) as conn:
        query = """select originator_id from log.stored_events where originator_version = 1 and originator_id like %s
                    order by md5(originator_id) limit 400"""
        return await (await conn.execute(query, (f"{kind}\\_%",))).fetchall()


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    with databases("log", migrated=["log"]) as found:
        conninfo = found["log"]
        length, end, deployments = seed(conninfo, events)
        index(conninfo, length)
        collect_seldom()  # as the server does
        asyncio.run(ask_everything(conninfo, end, events=length, deployments_there=deployments))


if __name__ == "__main__":
    main()
