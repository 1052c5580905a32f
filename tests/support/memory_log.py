"""The log in memory: what the port promises, and every fact goes through its stored JSON, as in the real one."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from adapters.event_store.chain import GENESIS, link
from application.ports.log import NOTHING, Appended, Conflict, IdReused
from domain.event import Event
from domain.recorded import Cause, Origin, Recorded
from domain.registry import decode, encode


@dataclass(frozen=True)
class Stored:
    stream: str
    version: int
    topic: str
    state: bytes
    command: UUID
    origin: Origin
    digest: bytes
    at: datetime


class MemoryLog:
    """`grown` is set whenever something was stored; whoever waits for it clears it."""

    def __init__(self) -> None:
        self.stored: list[Stored] = []
        self.grown = asyncio.Event()
        self._streams: dict[str, list[Stored]] = {}
        self._commands: dict[UUID, tuple[bytes, Appended]] = {}

    @property
    def position(self) -> int:
        return len(self.stored)

    async def append(
        self, events: Sequence[Event], command: UUID, origin: Origin, request: bytes = b"", seen: Mapping[str, int] = NOTHING
    ) -> Appended:
        digest = hashlib.sha256(request).digest()
        if command in self._commands:
            asked, before = self._commands[command]
            if asked != digest:
                raise IdReused(f"the command id {command} was used before, for another request")
            return Appended(before.position, before.first, before.count, repeated=True)
        self._must_follow(events)
        for stream, version in seen.items():
            if len(self._streams.get(stream, ())) != version:
                raise Conflict(f"{stream}: version {version} is not the newest")
        done = Appended(self.position + len(events), self.position + 1, len(events))
        for event in events:
            self._store(event, command, origin)
        self._commands[command] = (digest, done)
        self.grown.set()
        return done

    def _must_follow(self, events: Sequence[Event]) -> None:
        last: dict[str, int] = {}
        for event in events:
            before = last.get(event.stream, len(self._streams.get(event.stream, ())))
            if event.version != before + 1:
                raise Conflict(f"{event.stream}: version {event.version} does not follow {before}")
            last[event.stream] = event.version

    def _store(self, event: Event, command: UUID, origin: Origin) -> None:
        state = encode(event)
        digest = link(self.stored[-1].digest if self.stored else GENESIS, event.stream, event.version, event.TOPIC, state)
        row = Stored(event.stream, event.version, event.TOPIC, state, command, origin, digest, event.at)
        self.stored.append(row)
        self._streams.setdefault(event.stream, []).append(row)

    async def stream(self, stream: str, after: int = 0) -> list[Event]:
        return [decode(row.topic, row.state) for row in self._streams.get(stream, ())[after:]]

    async def command(self, command: UUID) -> list[Event] | None:
        if command not in self._commands:
            return None
        found = self._commands[command][1]
        return [decode(row.topic, row.state) for row in self.stored[found.first - 1:found.position]]

    async def cause(self, stream: str) -> Cause | None:
        rows = self._streams.get(stream)
        return Cause(rows[-1].command, rows[-1].origin.correlation) if rows else None

    # For tests and for what follows the log

    @property
    def streams(self) -> list[str]:
        return list(self._streams)

    def events(self, after: int = 0) -> list[Event]:
        """All facts behind a position."""
        return [decode(row.topic, row.state) for row in self.stored[after:]]

    def recorded(self, after: int) -> list[Recorded]:
        """What a follower is told of what stands behind a position."""
        rows = enumerate(self.stored[after:], after + 1)
        return [Recorded(n, decode(row.topic, row.state), row.digest, row.command, row.origin, row.at) for n, row in rows]
