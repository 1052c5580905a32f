"""The log in order: pages of facts with their positions and the commands that stored them, for followers, rebuilds, checks and exports."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from adapters.event_store.person_keys import ServerKey, keys_of
from adapters.event_store.sealing import PERSONAL, Keys, opened, whose
from domain.recorded import Origin, Recorded, Unreadable
from domain.registry import decode

PAGE = """
select e.notification_id, e.originator_id, e.originator_version, e.topic, e.state, e.digest, c.first_position + c.events,
       c.command_id, c.actor, c.correlation_id, c.causation_id, c.source_ip, c.request_id, c.recorded_at
  from log.stored_events e
  left join lateral (
    select * from log.stored_events_commands
     where events > 0 and first_position <= e.notification_id
       and first_position >= case when e.notification_id > %(first)s then e.notification_id else 0 end
     order by first_position desc limit 1) c on true
 where e.notification_id >= %(first)s order by e.notification_id limit %(limit)s"""
"""What is known of a command, and the position behind its events, stands beside its first event alone, and beside the page's first."""


class Gap(Exception):
    """A position is missing, or the log ends before the reader's position. Positions have no gaps by construction: this is damage,
    an outside writer or another log than before, never a race. Stop and call a person."""


class Row(NamedTuple):
    """An event as it is stored, beside what is known of its command."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes
    digest: bytes
    command: UUID
    actor: str
    correlation: UUID
    causation: UUID | None
    source_ip: str
    request_id: str
    recorded_at: datetime


def rows(conn: psycopg.Connection, after: int, limit: int) -> list[Row]:
    """Up to `limit` stored events behind the position `after`, in order. Raises Gap."""
    found: list[Row] = []
    end, command = 0, tuple[Any, ...]()
    with conn.cursor() as cursor:
        for want, row in enumerate(cursor.execute(PAGE, {"first": after + 1, "limit": limit}, binary=True).fetchall(), after + 1):
            if row[6] is not None:
                end, command = row[6], row[7:]
            if row[0] != want or want >= end:
                raise Gap(f"position {want} is missing from the log, or no command has stored it")
            found.append(Row._make(row[:6] + command))
    return found


def origin_of(row: Row) -> Origin:
    return Origin(row.actor, row.correlation, row.causation, row.source_ip, row.request_id)


def record(row: Row, keys: Keys | None = None, origin: Origin | None = None) -> Recorded | Unreadable:
    """The fact in today's shape; where this version of the program cannot read it, its bytes and why. Without `keys` nobody is named in it."""
    position, stream, version, topic, state, digest, command, *_, recorded_at = row  # one step for all, not a look-up for each
    origin = origin or origin_of(row)
    try:
        return Recorded(position, decode(topic, state if keys is None else opened(topic, state, keys)), digest, command, origin, recorded_at)
    except Exception as error:  # noqa: BLE001  # UnknownFact, or an upcast that trips over what it finds: nothing stored may stop a reader
        return Unreadable(position, stream, version, topic, state, f"{type(error).__name__}: {error}", digest, command, origin, recorded_at)


def read(conn: psycopg.Connection, after: int, limit: int, key: ServerKey | None = None) -> list[Recorded | Unreadable]:
    """One page; with the server's `key`, people are named in it who are not forgotten. Raises Gap, WrongKey."""
    return records(conn, rows(conn, after, limit), key)


def records(conn: psycopg.Connection, found: list[Row], key: ServerKey | None = None) -> list[Recorded | Unreadable]:
    """Rows as facts. Raises WrongKey."""
    people = whose((row.topic, row.state) for row in found if row.topic in PERSONAL) if key else None
    keys = keys_of(conn, key, people) if key and people else None
    command: UUID | None = None
    origin: Origin | None = None
    facts: list[Recorded | Unreadable] = []
    for row in found:
        if origin is None or row.command is not command:
            command, origin = row.command, origin_of(row)
        facts.append(record(row, keys, origin))
    return facts


def reader(key: ServerKey) -> Callable[[psycopg.Connection, int, int], list[Recorded | Unreadable]]:
    """`read` for whoever may know people's names."""
    return lambda conn, after, limit: read(conn, after, limit, key)


def pages(conn: psycopg.Connection, after: int = 0, upto: int | None = None, limit: int = 1000) -> Iterator[list[Row]]:
    """Page by page from behind `after` to `upto` (or to where the log ended when the last page was read). Raises Gap."""
    while size := limit if upto is None else min(limit, upto - after):
        page = rows(conn, after, size)
        if page:
            yield page
        if len(page) < size:
            return
        after = page[-1].position
