"""The log as a file of JSON lines, and its verification without our database.

A line is what the audit shows of a fact, and beside it `event` (the stored bytes, as text), `version` and `digest` (hex): enough to
compute the chain again. The last line closes the file: `count`, `from`, `last_position`, `previous` (the digest before the first
line) and `digest` (after the last). The same range of the same log gives the same bytes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec
import psycopg

from adapters.event_store.chain import GENESIS, link
from adapters.event_store.reading import Row, pages


class Line(msgspec.Struct, frozen=True):
    position: int
    timestamp: str
    user_id: str
    action: str
    resource: str
    resource_id: str
    version: int
    source_ip: str
    request_id: str
    command_id: str
    correlation_id: str
    causation_id: str | None
    event: str
    digest: str


class Closing(msgspec.Struct, frozen=True, rename={"first": "from"}):
    count: int
    first: int
    last_position: int
    previous: str
    digest: str


@dataclass(frozen=True)
class Verdict:
    """`bad`: the first position that is not as it was stored, or None; `message` says what was seen."""

    bad: int | None
    count: int
    message: str


def line(row: Row) -> Line:
    return Line(
        row.position, row.recorded_at.isoformat().replace("+00:00", "Z"), row.actor, row.topic, row.topic.partition(".")[0], row.stream, row.version,
        row.source_ip, row.request_id, str(row.command), str(row.correlation), str(row.causation) if row.causation else None,
        row.state.decode(), row.digest.hex())


def export(conn: psycopg.Connection, first: int = 1, last: int | None = None) -> Iterator[bytes]:
    """The file, line by line, from `first` to `last` (or to where the log ends now)."""
    head = conn.execute("select position from log.stored_events_head").fetchone()
    end = min(last or head[0], head[0]) if head else 0
    digest = previous = digest_before(conn, first)
    count = 0
    for page in pages(conn, first - 1, max(end, first - 1)):
        for row in page:
            count, digest = count + 1, row.digest
            yield msgspec.json.encode(line(row)) + b"\n"
    yield msgspec.json.encode(Closing(count, first, first + count - 1, previous.hex(), digest.hex())) + b"\n"


def digest_before(conn: psycopg.Connection, first: int) -> bytes:
    if first <= 1:
        return GENESIS
    row = conn.execute("select digest from log.stored_events where notification_id = %s", (first - 1,), binary=True).fetchone()
    if row is None:
        raise ValueError(f"the log has no position {first - 1}: nothing can be exported from {first} on")
    return bytes(row[0])


def verify(lines: Iterable[bytes]) -> Verdict:
    """Compute the chain again and compare: a changed, missing, added or swapped line, or a missing end, is found and named."""
    found: list[Line] = []
    closing: Closing | None = None
    for number, text in enumerate(lines, 1):
        try:
            if closing is not None:
                return Verdict(closing.last_position + 1, len(found), "something stands behind the closing line")
            closing, entry = parsed(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return Verdict(found[-1].position + 1 if found else number, len(found), f"line {number} cannot be read: {error}")
        if entry is not None:
            found.append(entry)
    if closing is None:
        return Verdict(found[-1].position + 1 if found else 1, len(found), "the closing line is missing: the file was cut off")
    return chained(found, closing)


def parsed(text: bytes) -> tuple[Closing | None, Line | None]:
    if text.startswith(b'{"count":'):
        return msgspec.json.decode(text, type=Closing), None
    return None, msgspec.json.decode(text, type=Line)


def chained(found: list[Line], closing: Closing) -> Verdict:
    if closing.first == 1 and closing.previous != GENESIS.hex():
        return Verdict(1, len(found), "the file does not begin where every log begins")
    digest = bytes.fromhex(closing.previous)
    for want, entry in enumerate(found, closing.first):
        if entry.position != want:
            return Verdict(want, len(found), f"position {want} is missing or out of its place")
        digest = link(digest, entry.resource_id, entry.version, entry.action, entry.event.encode())
        if digest.hex() != entry.digest:
            return Verdict(want, len(found), f"position {want} is not what was stored, or what stands before it is not")
    if (closing.count, closing.digest) != (len(found), digest.hex()):
        return Verdict(closing.first + len(found), len(found), f"the file says it has {closing.count} events, and has {len(found)}")
    return Verdict(None, len(found), f"{len(found)} events, from {closing.first} to {closing.last_position}, digest {closing.digest}")
