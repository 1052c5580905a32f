"""Callers that append while connections are cut: each keeps account of what it was told."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from adapters.event_store.log import PostgresLog
from application.ports.log import NOTHING, Conflict, LogUnavailable
from domain.event import Event
from tests.event_store.facts import ORIGIN, fact


@dataclass
class Told:
    """`asked`: the streams of each command's events. `unknown`: the caller heard that nobody knows, and has left it at that.
    `false`: a stream's only writer heard of a conflict."""

    asked: dict[UUID, list[str]] = field(default_factory=dict)
    acknowledged: dict[UUID, tuple[int, int]] = field(default_factory=dict)
    lost: set[UUID] = field(default_factory=set)
    unknown: set[UUID] = field(default_factory=set)
    false: list[str] = field(default_factory=list)
    asked_again: int = 0
    owned: Counter[str] = field(default_factory=Counter)
    """The streams that have one writer: their versions."""
    running: bool = True

    async def tell(self, log: PostgresLog, command: UUID, events: list[Event], seen: Mapping[str, int] = NOTHING) -> None:
        self.asked[command] = [event.stream for event in events]
        stored = await log.append(events, command, ORIGIN, b"", seen)
        self.acknowledged[command] = (stored.first, stored.count)


async def owner(log: PostgresLog, told: Told, number: int) -> None:
    """The only writer of two streams, of which it reads the one and writes the other by turns. It asks again under the same id until it
    hears the outcome, and a conflict would be false."""
    stream, other = f"own_{number}", f"own_{number}_too"
    while told.running:
        command, last = uuid4(), told.owned[stream]
        events = [fact(stream, last + 1), fact(), fact(stream, last + 2)]
        while command not in told.acknowledged:
            try:
                await told.tell(log, command, events, {other: told.owned[other]})
            except LogUnavailable:
                told.asked_again += 1
            except Conflict as error:
                told.false.append(str(error))
                return
        told.owned[stream] += 2
        stream, other = other, stream


async def racer(log: PostgresLog, told: Told, number: int) -> None:
    """One of several on a stream, and it reads another one, where others race: it may lose, and looks again."""
    stream, other = f"hot_{number % 4}", f"hot_{(number + 1) % 4}"
    last = {stream: 0, other: 0}
    while told.running:
        command, seen = uuid4(), {other: last[other]} if number % 2 else {}
        try:
            await told.tell(log, command, [fact(), fact(stream, last[stream] + 1)], seen)
            last[stream] += 1
            continue
        except Conflict:
            told.lost.add(command)
        except LogUnavailable:
            told.unknown.add(command)
        last = {name: await look(log, name, version) for name, version in last.items()}


async def look(log: PostgresLog, stream: str, last: int) -> int:
    try:
        return last + len(await log.stream(stream, last))
    except LogUnavailable:
        return last


async def impatient(log: PostgresLog, told: Told) -> None:
    """It does not ask again."""
    while told.running:
        command = uuid4()
        try:
            await told.tell(log, command, [fact(), fact()])
        except LogUnavailable:
            told.unknown.add(command)


@asynccontextmanager
async def callers(logs: list[PostgresLog], hasty: list[PostgresLog], told: Told, each: int = 6) -> AsyncIterator[list[asyncio.Task[None]]]:
    """So many of each kind for each log; `hasty`: the same writers with short deadlines. At the end each hears its last outcome."""
    tasks = []
    for number, (log, quick) in enumerate(zip(logs, hasty, strict=True)):
        for n in range(number * each, (number + 1) * each):
            tasks += [asyncio.create_task(owner(log, told, n)), asyncio.create_task(racer(log, told, n)), asyncio.create_task(impatient(quick, told))]
    try:
        yield tasks
        told.running = False
        await asyncio.wait_for(asyncio.gather(*tasks), 60)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
