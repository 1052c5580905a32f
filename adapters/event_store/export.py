"""The log as a file of JSON lines that can be verified without our database. The same piece of the same log, signed with the same key, gives
the same bytes, whenever it is asked for.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

import psycopg

from adapters.event_store import checkpoints
from adapters.event_store.chain import GENESIS
from adapters.event_store.checkpoints import Checkpoint
from adapters.event_store.lines import Closing, LeftOut, Line, Marked, Sealing, closed, line
from adapters.event_store.reading import Row, pages
from adapters.event_store.signing import Signer
from application.ports.audit import Moment, Wanted
from domain.errors import Invalid

PAGE = 500
"""Facts that are read, and given on, at once."""


class Span(NamedTuple):
    """A piece of the log that will not change any more; `last` is `first - 1` where it is empty. `previous`: the digest before it."""

    first: int
    last: int
    previous: bytes


class Page(NamedTuple):
    rows: list[Row]
    marks: dict[int, Checkpoint]
    """By position."""


def export(conn: psycopg.Connection, wanted: Wanted, signer: Signer) -> Iterator[bytes]:
    """The file, some lines at a time. The connection is in autocommit mode: however long it takes, no transaction stays open."""
    span = settled(conn, wanted)
    return written(read(conn, span), span, wanted.filter, signer)


def settled(conn: psycopg.Connection, wanted: Wanted) -> Span:
    """Where the piece begins and ends, once every checkpoint before the log's end is there. Raises Invalid."""
    with conn.transaction():
        conn.execute("select pg_advisory_xact_lock_shared(%s)", (checkpoints.LOCK,))
        row = conn.execute("select position from log.stored_events_head").fetchone()
    head = row[0] if row else 0
    first, last = start_of(conn, wanted.start, head), end_of(conn, wanted.end, head)
    if is_backwards(wanted.start, wanted.end):
        raise Invalid("the piece ends before it begins", field="to")
    if first > head + 1:
        raise Invalid(f"the log ends at position {head}: nothing can be exported from {first} on", field="from")
    return Span(first, max(last, first - 1), digest_before(conn, first))


def is_backwards(start: Moment | None, end: Moment | None) -> bool:
    match start, end:
        case (int(), int()) | (datetime(), datetime()):
            return end < start  # type: ignore[operator]  # both are positions, or both are times
    return False


def start_of(conn: psycopg.Connection, moment: Moment | None, head: int) -> int:
    if isinstance(moment, datetime):
        row = conn.execute("select min(first_position) from log.stored_events_commands where events > 0 and recorded_at >= %s", (moment,)).fetchone()
        return min(row[0], head + 1) if row and row[0] else head + 1
    return max(moment or 1, 1)


def end_of(conn: psycopg.Connection, moment: Moment | None, head: int) -> int:
    if isinstance(moment, datetime):
        row = conn.execute(
            "select max(first_position + events - 1) from log.stored_events_commands where events > 0 and recorded_at <= %s", (moment,)).fetchone()
        return min(row[0], head) if row and row[0] else 0
    return head if moment is None else min(moment, head)


def digest_before(conn: psycopg.Connection, first: int) -> bytes:
    if first == 1:
        return GENESIS
    row = conn.execute("select digest from log.stored_events where notification_id = %s", (first - 1,), binary=True).fetchone()
    if row is None:
        raise ValueError(f"position {first - 1} is missing from the log")
    return bytes(row[0])


def read(conn: psycopg.Connection, span: Span) -> Iterator[Page]:
    """Checkpoints of the last position are left out: the closing line speaks for it, and they may be made later."""
    for rows in pages(conn, span.first - 1, span.last, PAGE):
        found = checkpoints.between(conn, rows[0].position, min(rows[-1].position, span.last - 1))
        yield Page(rows, {checkpoint.position: checkpoint for checkpoint in found})


def written(found: Iterable[Page], span: Span, chosen: dict[str, str], signer: Signer) -> Iterator[bytes]:
    sealing, count, digest = Sealing(), 0, span.previous
    for rows, marks in found:
        piece: list[bytes] = []
        for row in rows:
            entry = line(row)
            shown = is_wanted(entry, chosen)
            count, digest = count + shown, row.digest
            piece.append(sealing.sealed(entry if shown else LeftOut(row.position, entry.digest)))
            if row.position in marks:
                piece.append(sealing.sealed(Marked.of(marks[row.position])))
        yield b"".join(piece)
    left_out = span.last - span.first + 1 - count
    yield closed(
        Closing(count, left_out, span.first, span.last, span.previous.hex(), digest.hex(), chosen, sealing.content, signer.public), signer)


def is_wanted(entry: Line, chosen: dict[str, str]) -> bool:
    return all(getattr(entry, name) == value for name, value in chosen.items())


