"""A whole command (policy, aggregate from the cache, decision, append): 64 callers each change an application of their own, on one event loop,
against the library's `save()` of a new aggregate, 16 threads. And what it takes to load an aggregate of 200 events: cold (from the log) and for
a command whose process knows it, against the library's repository as it is and with its cache on. One PostgreSQL, alternating, three rounds."""

import asyncio
import gc
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from api.home import Home
from api.settings import Settings
from api.wiring.core import Core, open_core
from application.applications import ChangeApplication, CreateApplication
from application.caller import Caller, person
from application.work import Cache, Work
from domain.access import Actor
from tests.bench.appends import compared
from tests.bench.measure import ROUNDS, databases, median, percentile, show
from tests.bench.peers import library_settings, saves

SECONDS, CALLERS, EVENTS, LOADS = 4.0, 64, 200, 200
DEVELOPER = Actor("usr_bench", "bench", frozenset({"developer"}))


def call() -> Caller:
    return person(DEVELOPER, source_ip="192.0.2.1", request_id="req_bench")


@asynccontextmanager
async def core(conninfo: str, home: str) -> AsyncIterator[Core]:
    async with open_core(Settings.model_validate({"home": home}), Home(Path(home)), conninfo) as made:
        yield made


async def changed(conninfo: str, home: str, seconds: float, prefix: str) -> list[float]:
    """Change applications for so long; the seconds that each command took."""
    took: list[float] = []
    async with core(conninfo, home) as made:
        ids = [(await made.applications.create(call(), CreateApplication(f"{prefix} {n}", "https://git.example/r", "service", {}))).id
               for n in range(CALLERS)]
        gc.collect()
        gc.freeze()  # as a server does once it has started
        until = time.perf_counter() + seconds

        async def caller(id: str) -> None:
            n = 0
            while (began := time.perf_counter()) < until:
                n += 1
                await made.applications.change(call(), ChangeApplication(id, type=f"service {n}"))
                took.append(time.perf_counter() - began)

        await asyncio.gather(*map(caller, ids))
    return took


async def many_events(made: Core) -> str:
    """An application with so many events; its id."""
    id = (await made.applications.create(call(), CreateApplication("long", "https://git.example/r", "service", {}))).id
    for n in range(EVENTS - 1):
        await made.applications.change(call(), ChangeApplication(id, type=f"service {n}"))
    return id


class Thing(Aggregate):
    @event("Created")
    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind

    @event("Changed")
    def change(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind


def library(conninfo: str, cached: bool) -> tuple[Application[Any], UUID]:
    """An application of the library, with an aggregate of so many events."""
    app = Application[Any](env=library_settings(conninfo) | ({"AGGREGATE_CACHE_MAXSIZE": "1000"} if cached else {}))
    thing = Thing("long", "service")
    for n in range(EVENTS - 1):
        thing.change("long", f"service {n}")
    app.save(thing)
    return app, thing.id


def times(load: Callable[[], object]) -> list[float]:
    """The milliseconds of each load, after some to warm up."""
    took = []
    for n in range(LOADS + 20):
        began = time.perf_counter()
        load()
        if n >= 20:
            took.append((time.perf_counter() - began) * 1000)
    return took


async def times_of(load: Callable[[], Awaitable[object]]) -> list[float]:
    took = []
    for n in range(LOADS + 20):
        began = time.perf_counter()
        await load()
        if n >= 20:
            took.append((time.perf_counter() - began) * 1000)
    return took


async def loads(conninfo: str, peer: str, home: str) -> None:
    plain, cached = library(peer, False), library(peer, True)
    async with core(conninfo, home) as made:
        id = await many_events(made)
        log, cache = made.house.log, made.house.cache
        rounds = [(await times_of(lambda: Work(log, Cache()).application(id)), times(lambda: plain[0].repository.get(plain[1])),
                   await times_of(lambda: Work(log, cache, trusting=True).application(id)), times(lambda: cached[0].repository.get(cached[1])))
                  for _ in range(ROUNDS)]
    for app, _ in (plain, cached):
        app.close()
    cold, theirs, warm, their_warm = ([each[n] for each in rounds] for n in range(4))
    for what, goal, ours, others, name in (
            ("cold", 0.7, cold, theirs, "repository.get()"), ("warm, for a command", 0.02, warm, their_warm, "repository.get(), cache on")):
        mine, other = (median([median(took) for took in found]) for found in (ours, others))
        show(f"load an aggregate of {EVENTS} events, {what}, ms", ours=round(mine, 4), peer=f"eventsourcing {name}", peer_value=round(other, 3),
             ratio=round(other / mine, 1), goal=f"<= {goal} ms", ours_p99_ms=round(median([percentile(took, 0.99) for took in ours]), 4))


def main() -> None:
    with databases("ours", "peer", migrated=["ours"]) as at, tempfile.TemporaryDirectory() as home:
        saves(at["peer"], 1.0)
        rounds = [(asyncio.run(changed(at["ours"], home, SECONDS, f"round {n}")), saves(at["peer"], SECONDS)) for n in range(ROUNDS)]
        ours, peer = zip(*rounds, strict=True)
        show(f"a whole command, {CALLERS} callers, commands/s", peer="eventsourcing save(), 16 threads", goal=10, **compared(ours, peer, SECONDS))
        asyncio.run(loads(at["ours"], at["peer"], home))


if __name__ == "__main__":
    main()
