"""A whole server under load, while the connections of its parts to the database are cut at random moments: nothing is lost, and everything
recovers without a restart."""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psycopg
import pytest

from adapters.event_store.reading import read
from api.demo.server import TiangongServer
from domain.task.events import TaskStarted, TaskSucceeded, TaskTakenOver
from tests.bench.measure import percentile
from tests.event_store.facts import assert_whole, terminate
from tests.soak.proxy import MOMENTS, Proxy
from tests.soak.users import Account, User, deploys, writes
from tests.support.waiting import until

TOKEN = "an-admin-token-for-tests"
WAYS = (*MOMENTS, "backend terminated")
CLASSES: dict[str, tuple[str, ...]] = {
    "writer": ("tiangong log writer",), "follower": ("tiangong log follower",), "projector": ("tiangong projections",),
    "listen for work": ("tiangong queue",), "listen for positions": ("tiangong positions",), "turns": ("tiangong turn",),
    "pool": ("tiangong",), "readers": ("tiangong log reader",),
}
EVERYTHING = tuple(name for names in CLASSES.values() for name in names)


class Recovery(NamedTuple):
    """Seconds until all went on, after which kind of cut, and when it did."""

    seconds: float
    way: str
    at: datetime

    def __str__(self) -> str:
        return f"{self.seconds:.2f} ({self.way}, until {self.at:%H:%M:%S.%f})"


Recoveries = defaultdict[str, list[Recovery]]


async def test_a_server_whose_connections_are_cut_for_15_seconds_loses_nothing(database, tmp_path, seed, capsys):
    await chaos(database, tmp_path, 15, seed, capsys)


@pytest.mark.soak
async def test_a_server_whose_connections_are_cut_for_5_minutes_loses_nothing(database, tmp_path, seed, capsys):
    await chaos(database, tmp_path, 300, seed, capsys)


async def chaos(database: str, folder: Path, seconds: float, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{seconds:g} s of chaos with the seed {seed}", flush=True)
    async with Proxy(database) as proxy:
        server = TiangongServer(folder / "home", {"ADMIN_TOKEN": TOKEN, "DATABASE_URL": proxy.conninfo})
        try:
            await server.start()
            pid = server.pid
            account, recoveries, ways = await shaken(server, proxy, database, seconds, random.Random(seed))
            assert server.pid == pid
            figures = await judged(server, database, account)
            assert await server.stop() == 0
        except BaseException:
            with capsys.disabled():
                print(f"chaos with the seed {seed} failed; the server's last words:\n{server.tail(60)}", flush=True)
            raise
        finally:
            await server.stop()
    with capsys.disabled():
        print(f"{seconds:g} s of chaos, seed {seed}: {sum(ways.values())} cuts ({spread(ways)}); {figures}; {told(recoveries)}", flush=True)


async def shaken(server: TiangongServer, proxy: Proxy, database: str, seconds: float, chance: random.Random
                 ) -> tuple[Account, Recoveries, Counter[str]]:
    """Users at work, and one cut after the other; after each a user who tries everything tells how long it takes until all goes on."""
    account, recoveries, ways = Account(), Recoveries(list), Counter[str]()
    async with at_work(server.url, account) as users, User(server.url, TOKEN, account) as prober:
        environment, application = await prober.environment("probe"), await prober.application("probe")
        deadline, number = time.monotonic() + seconds, 0
        while time.monotonic() < deadline:
            kind = [*CLASSES, "everything"][number % (len(CLASSES) + 1)] if number <= len(CLASSES) else chance.choice([*CLASSES, "everything"])
            way = chance.choice(WAYS)
            if hit := await cut(proxy, database, CLASSES.get(kind, EVERYTHING), way, chance):
                ways[way] += hit
                began = time.monotonic()
                async with asyncio.timeout(60):
                    await prober.deployed(await prober.version(f"p0.0.{number}"), application, environment)
                recoveries[kind].append(Recovery(time.monotonic() - began, way, datetime.now(UTC)))
            for user in users:
                if user.done():
                    await user
            number += 1
            await asyncio.sleep(chance.uniform(0, 0.2))
    return account, recoveries, ways


@asynccontextmanager
async def at_work(url: str, account: Account) -> AsyncIterator[list[asyncio.Task[None]]]:
    """At the end each user's last request is answered."""
    users = [asyncio.create_task(writes(url, TOKEN, account, n)) for n in range(4)]
    users += [asyncio.create_task(deploys(url, TOKEN, account, n)) for n in range(3)]
    try:
        await until(lambda: len(account.deployments) >= 3 or any(user.done() for user in users), 30)
        yield users
        account.running = False
        await asyncio.wait_for(asyncio.gather(*users), 120)
    finally:
        for user in users:
            user.cancel()
        await asyncio.gather(*users, return_exceptions=True)


async def cut(proxy: Proxy, database: str, names: tuple[str, ...], way: str, chance: random.Random) -> int:
    """All connections of these names, or one of them; how many were hit."""
    if way == "backend terminated":
        with psycopg.connect(database, autocommit=True) as admin:
            return sum(terminate(admin, name) for name in names)
    links = proxy.named(*names)
    if not links:
        return 0
    return await proxy.cut(links if chance.random() < 0.5 or names == EVERYTHING else [chance.choice(links)], way)


async def judged(server: TiangongServer, database: str, account: Account) -> str:
    """What was acknowledged is in the log and in the read models, once, and every task was done once."""
    async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
        await ready(http, server.url)
    async with User(server.url, TOKEN, Account()) as user:
        versions = await user.every("versions")
        deployments = {one["id"]: one["phase"] for one in await user.every("deployments")}
    assert {one["git_tag"]: one["id"] for one in versions} == account.versions
    assert len(versions) == len(account.versions)
    assert deployments == dict.fromkeys(account.deployments, "success")
    with psycopg.connect(database, autocommit=True) as admin:
        assert_whole(admin)
        events = stored(admin)
        for table in ("quarantine", "ops.process_failures"):
            assert admin.execute(f"select * from {table}").fetchall() == []
    assert {event.stream for event in events if event.TOPIC.startswith("version.created")} == set(account.versions.values())
    taken_over = each_task_once(events, 2 * len(account.deployments))
    await checked_from_outside(server)
    refused = sum(count for status, count in account.answers.items() if status not in (200, 201))
    return (f"{len(events)} events, {len(versions)} versions, {len(deployments)} deployments acknowledged, all there once; "
            f"{2 * len(deployments)} tasks, each done once, {taken_over} taken over; read models equal, audit verified, no restart; "
            f"answers {dict(account.answers)}, {refused} of them \"not now\"; a request took p50 {percentile(account.waited, .5) * 1000:.0f}, "
            f"p99 {percentile(account.waited, .99) * 1000:.0f}, max {max(account.waited) * 1000:.0f} ms; the longest: {account.longest()}")


async def ready(http: httpx.AsyncClient, url: str, seconds: float = 40.0) -> None:
    """It says so itself: trouble is shown for some time after it is over."""
    deadline = time.monotonic() + seconds
    while (answer := await http.get(f"{url}/readyz")).status_code != 200:
        assert time.monotonic() < deadline, answer.text
        await asyncio.sleep(0.1)


def stored(admin: psycopg.Connection) -> list[Any]:
    found: list[Any] = []
    while batch := read(admin, len(found), 1000):
        found += [record.event for record in batch]
    return found


def each_task_once(events: list[Any], tasks: int) -> int:
    """No attempt was begun twice, and each task succeeded once, in its first attempt. How often one was taken over after its lease."""
    begun = Counter((event.stream, event.attempt) for event in events if isinstance(event, TaskStarted))
    ended = Counter(event.stream for event in events if isinstance(event, TaskSucceeded))
    assert set(begun.values()) == set(ended.values()) == {1}
    assert len(begun) == len(ended) == tasks
    return sum(isinstance(event, TaskTakenOver) for event in events)


async def checked_from_outside(server: TiangongServer) -> None:
    out = server.home.with_name("audit.jsonl")
    await server.command("audit", "export", "--out", str(out))
    assert (await server.command("audit", "verify", str(out))).startswith("verified")
    assert "every read model is what the log says" in await server.command("projections", "check")


def told(recoveries: Recoveries) -> str:
    """From a cut until a new version was acknowledged, deployed, and seen deployed."""
    lines = []
    for kind, found in recoveries.items():
        seconds = [one.seconds for one in found]
        lines.append(f"{kind} {len(found)}: {percentile(seconds, .5):.2f}/{percentile(seconds, .99):.2f}/{max(found)}")
    return f"s until all goes on, p50/p99/max: {', '.join(lines)}"


def spread(ways: Counter[str]) -> str:
    return ", ".join(f"{count} {way}" for way, count in ways.most_common())


