"""The log as a file of JSON lines that can be verified without our database. The same piece of the same log, signed with the same key, gives
the same bytes, whenever it is asked for.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from datetime import datetime
from typing import NamedTuple

import psycopg

from adapters.event_store import checkpoints
from adapters.event_store.chain import GENESIS
from adapters.event_store.lines import Closing, Sealing, asked, closed, left_out, line, marked
from adapters.event_store.signing import Signer
from adapters.event_store.stored import Stored, pages
from adapters.event_store.telling import Told, told
from application.ports.audit import Moment, Wanted
from domain.errors import Invalid

PAGE = 500
"""Facts that are read, and given on, at once."""


class Span(NamedTuple):
    """A piece of the log that will not change any more; `last` is `first - 1` where it is empty. `previous`: the digest before it."""

    first: int
    last: int
    previous: bytes


def export(conn: psycopg.Connection, wanted: Wanted, signer: Signer) -> Iterator[bytes]:
    """The file, some lines at a time. The connection is in autocommit mode: however long it takes, no transaction stays open."""
    span = settled(conn, wanted)
    with closing(read(conn, span)) as found:
        yield from written(found, span, wanted.filter, signer)


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


def read(conn: psycopg.Connection, span: Span) -> Generator[list[Stored]]:
    """Close it before the connection."""
    return pages(conn, span.first, span.last, PAGE)


def written(found: Iterable[list[Stored]], span: Span, chosen: dict[str, str], signer: Signer) -> Iterator[bytes]:
    """A checkpoint of the last position is left out: the closing line speaks for it, and it may be made later."""
    sealing, shown, digest, command, origin = Sealing(), 0, span.previous, None, b""
    for facts in found:
        lines: list[bytes] = []
        for fact in facts:
            if fact.command is not command:
                command, origin = fact.command, asked(fact.command)
            told = wanted_told(fact, chosen)
            shown += told is not None
            lines.append(sealing.sealed(line(fact, told, origin) if told is not None else left_out(fact)))
            if fact.mark is not None and fact.position < span.last:
                lines.append(sealing.sealed(marked(fact.mark)))
        digest = facts[-1].digest
        yield b"".join(lines)
    left = span.last - span.first + 1 - shown
    yield closed(
        Closing(shown, left, span.first, span.last, span.previous.hex(), digest.hex(), chosen, sealing.content, signer.public), signer)


def wanted_told(fact: Stored, chosen: dict[str, str]) -> Told | None:
    """None for a fact that the filter does not want. Who did it is known last: the event itself says it."""
    for name, value in chosen.items():
        if name != "user_id" and value != PLAIN[name](fact):
            return None
    found = told(fact)
    return found if chosen.get("user_id", found.by) == found.by else None


PLAIN: dict[str, Callable[[Stored], str]] = {
    "action": lambda fact: fact.topic, "resource": lambda fact: fact.topic.partition(".")[0], "resource_id": lambda fact: fact.stream}
