"""What the writer takes: a command's events, packed as they will be sent, and the future in which somebody waits for the outcome."""

import asyncio
import concurrent.futures
import hashlib
import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from adapters.event_store.arrays import INT8
from application.ports.log import NOTHING, Appended, Conflict, Origin
from domain.errors import Invalid

Outcome = Appended | Exception
Answer = asyncio.Future[Appended] | concurrent.futures.Future[Appended]

LONGEST_STREAM = 2000
"""Bytes: the index has no room for more."""


class Unstorable(Invalid):
    """PostgreSQL cannot keep this content, now or ever; nothing of the command was stored."""


class Row(NamedTuple):
    """An event as the arrays need it."""

    stream: bytes
    version: bytes
    topic: bytes
    state: bytes


class Source(NamedTuple):
    """An Origin as the arrays need it."""

    actor: bytes
    correlation: UUID
    causation: UUID | None
    source_ip: bytes
    request_id: bytes


class Command:
    """Raises Unstorable where the content can never be stored, Conflict where the events of a stream do not follow one another.

    `seen`: streams that it has read and does not write, each with the version it saw.
    """

    __slots__ = ("answer", "id", "keys", "loop", "request", "rows", "seen", "source")

    def __init__(
        self, events: Sequence[StoredEvent], id: UUID, origin: Origin, request: bytes, answer: Answer, seen: Mapping[str, int] = NOTHING
    ) -> None:
        self.id = id
        self.rows = [_row(event) for event in events]
        self.source = Source(_text(origin.actor), origin.correlation, origin.causation, _text(origin.source_ip), _text(origin.request_id))
        self.request = hashlib.sha256(request).digest()
        self.answer = answer
        self.loop = answer.get_loop() if isinstance(answer, asyncio.Future) else None
        self.keys: tuple[object, ...] = (id, events[0].originator_id) if len(events) == 1 else (id, *_streams(events))
        """What no other command of the same batch may share."""
        for stream in seen:
            _text(stream)
        self.seen = seen

    @property
    def wanted(self) -> bool:
        """Somebody still waits for the outcome."""
        return not self.answer.done()


def _row(event: StoredEvent) -> Row:
    stream = _text(str(event.originator_id))
    if len(stream) > LONGEST_STREAM:
        raise Unstorable(f"the name of a stream has at most {LONGEST_STREAM} bytes, this one has {len(stream)}")
    try:
        version = INT8(event.originator_version)
    except struct.error as error:
        raise Unstorable(f"{event.originator_id}: no version can be {event.originator_version}") from error
    return Row(stream, version, _text(event.topic), event.state)


def _text(text: str) -> bytes:
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        raise Unstorable(f"not a text: {text[:80]!r}") from error
    if b"\0" in encoded:
        raise Unstorable(f"a NUL character cannot be stored: {text[:80]!r}")
    return encoded


def _streams(events: Sequence[StoredEvent]) -> dict[object, int]:
    """The streams, each with its last version."""
    last: dict[object, int] = {}
    for event in events:
        stream = event.originator_id
        if event.originator_version != last.get(stream, event.originator_version - 1) + 1:
            raise Conflict(f"{stream}: version {event.originator_version} does not follow {last[stream]} in the same command")
        last[stream] = event.originator_version
    return last
