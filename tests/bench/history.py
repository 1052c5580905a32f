"""A long log of real facts: the application itself lives a while in memory, in one town, and the log is many such towns at once.

A town has two applications, an environment and some versions; what happens there is what the application's own commands and processes store:
deployments that succeed, that are approved, cancelled, or sick and rolled back. Towns differ in their ids and times. Some live side by side, a
command each in turn.
"""

import asyncio
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tests.application.town import BUILT
from tests.application.world import World
from tests.bench.seeding import Told, fill
from tests.support.memory_log import Stored

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
IDS = re.compile(rb"\b((?:app|env|ver|dep|task|lane|ntf|chg)_\d{4}|name_[0-9a-f]{32})\b")
AT = re.compile(rb'"at":"[^"]*"')
SIDE_BY_SIDE = 8


@dataclass(frozen=True)
class Fact:
    stream: str
    version: int
    topic: str
    pieces: tuple[tuple[bytes, ...], tuple[bytes, ...]]
    """Of the stored bytes, before its time and behind it; between two pieces stands what tells the town."""

    def state(self, town: bytes, at: bytes) -> bytes:
        before, behind = self.pieces
        return town.join(before) + b'"at":"' + at + b'"' + town.join(behind)


Command = tuple[str, UUID, tuple[Fact, ...]]
"""Who, why, and what was stored."""


async def town() -> list[Command]:
    """The commands of one town, in order."""
    world = World()
    env, shop, blog = await world.env(), await world.app("shop", **BUILT), await world.app("blog", **BUILT)
    for number, life in enumerate(LIVES, 1):
        await life(world, await world.version(f"v1.{number}.0"), env, shop, blog)
        await world.run()
    await world.close()
    return commands_of(world.log.stored)


async def succeeds(w: World, version: str, env: str, shop: str, blog: str) -> None:
    await w.deploy(version, shop, to=env)


async def of_both(w: World, version: str, env: str, shop: str, blog: str) -> None:
    await w.deploy(version, shop, blog, to=env)


async def approved(w: World, version: str, env: str, shop: str, blog: str) -> None:
    id = await w.deploy(version, shop, to=env, manual_approval=True)
    await w.run()
    await w.deployments.confirm(w.by("approver"), id, "continue", "looks good")


async def cancelled(w: World, version: str, env: str, shop: str, blog: str) -> None:
    await w.deployments.cancel(w.by(), await w.deploy(version, blog, to=env, manual_approval=True), "changed my mind")


async def sick(w: World, version: str, env: str, shop: str, blog: str) -> None:
    w.target.fail_next("health_check", "503")
    await w.deploy(version, shop, to=env)


LIVES = (succeeds, of_both, succeeds, approved, succeeds, of_both, sick, succeeds, succeeds, of_both, succeeds, cancelled, succeeds, succeeds,
         approved, succeeds, of_both, succeeds, succeeds, succeeds)


def commands_of(stored: Sequence[Stored]) -> list[Command]:
    found: dict[UUID, list[Stored]] = {}
    for each in stored:
        found.setdefault(each.command, []).append(each)
    return [(facts[0].origin.actor, facts[0].origin.correlation, tuple(map(fact_of, facts))) for facts in found.values()]


def fact_of(stored: Stored) -> Fact:
    before, behind = AT.split(stored.state, maxsplit=1)
    return Fact(stored.stream, stored.version, stored.topic, (pieces(before), pieces(behind)))


def pieces(state: bytes) -> tuple[bytes, ...]:
    """Cut behind each id."""
    found, start = [], 0
    for match in IDS.finditer(state):
        found.append(state[start:match.end()])
        start = match.end()
    return (*found, state[start:])


def commands(first: Sequence[Command]) -> Iterator[tuple[str, Command]]:
    """For ever: in which town, and what."""
    number, open_ = 0, deque[tuple[str, Iterator[Command]]]()
    while True:
        while len(open_) < SIDE_BY_SIDE:
            number += 1
            open_.append((f"{number:07}", iter(first)))
        name, rest = open_.popleft()
        command = next(rest, None)
        if command is not None:
            yield name, command
            open_.append((name, rest))


def seed(conninfo: str, events: int, *, pause: timedelta = timedelta(seconds=1)) -> int:
    """`events` or a few more into a log that is empty, `pause` between two commands; how many there are then."""
    return fill(conninfo, told(commands(asyncio.run(town())), pause), events)


def told(known: Iterator[tuple[str, Command]], pause: timedelta) -> Iterator[Told]:
    for number, (name, (actor, correlation, facts)) in enumerate(known, 1):
        at = BEGIN + number * pause
        town_name, time = name.encode(), at.isoformat().replace("+00:00", "Z").encode()
        yield Told(UUID(int=number << 64), actor, UUID(int=correlation.int ^ int(name)), at + timedelta(milliseconds=3),
                   [(fact.stream + name, fact.version, fact.topic, fact.state(town_name, time)) for fact in facts],
                   request_id=f"req_{number:020}")
