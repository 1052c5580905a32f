"""What the writer takes: a command's events, packed as they will be sent, and the future in which somebody waits for the outcome."""

import asyncio
import concurrent.futures
import hashlib
import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from adapters.event_store.arrays import INT8
from application.ports.log import NOTHING, Appended, Conflict, Origin
from domain.errors import Invalid

Outcome = Appended | Exception
Answer = asyncio.Future[Appended] | concurrent.futures.Future[Appended]
Fact = tuple[str, int, str, bytes]
"""Stream, version, topic and stored bytes."""

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
        self, facts: Sequence[Fact], id: UUID, origin: Origin, request: bytes, answer: Answer, seen: Mapping[str, int] = NOTHING
    ) -> None:
        self.id = id
        self.rows = [_row(*fact) for fact in facts]
        self.source = Source(_often(origin.actor), origin.correlation, origin.causation, _often(origin.source_ip), _text(origin.request_id))
        self.request = hashlib.sha256(request).digest()
        self.answer = answer
        self.loop = answer.get_loop() if isinstance(answer, asyncio.Future) else None
        self.keys: tuple[object, ...] = (id, facts[0][0]) if len(facts) == 1 else (id, *_streams(facts))
        """What no other command of the same batch may share."""
        for stream in seen:
            _text(stream)
        self.seen = seen

    @property
    def wanted(self) -> bool:
        """Somebody still waits for the outcome."""
        return not self.answer.done()


def _row(stream: str, version: int, topic: str, state: bytes) -> Row:
    name = _text(stream)
    if len(name) > LONGEST_STREAM:
        raise Unstorable(f"the name of a stream has at most {LONGEST_STREAM} bytes, this one has {len(name)}")
    try:
        number = INT8(version)
    except struct.error as error:
        raise Unstorable(f"{stream}: no version can be {version}") from error
    return Row(name, number, _often(topic), state)


def _text(text: str) -> bytes:
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        raise Unstorable(f"not a text: {text[:80]!r}") from error
    if b"\0" in encoded:
        raise Unstorable(f"a NUL character cannot be stored: {text[:80]!r}")
    return encoded


_often = lru_cache(4096)(_text)
"""The same for what comes again and again."""


def _streams(facts: Sequence[Fact]) -> dict[str, int]:
    """The streams, each with its last version."""
    last: dict[str, int] = {}
    for stream, version, _, _ in facts:
        if version != last.get(stream, version - 1) + 1:
            raise Conflict(f"{stream}: version {version} does not follow {last[stream]} in the same command")
        last[stream] = version
    return last
