"""The log in order: pages of facts with their positions and the commands that stored them, for followers, rebuilds, checks and exports."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import psycopg

from adapters.event_store.person_keys import ServerKey, keys_of
from adapters.event_store.sealing import Keys, opened, whose
from domain.recorded import Origin, Recorded, Unreadable
from domain.registry import decode

PAGE = """
select e.notification_id as position, e.originator_id as stream, e.originator_version as version, e.topic, e.state, e.digest,
       c.command_id as command, c.actor, c.correlation_id as correlation, c.causation_id as causation, c.source_ip, c.request_id, c.recorded_at
  from log.stored_events e
  cross join lateral (
    select * from log.stored_events_commands
     where events > 0 and first_position <= e.notification_id
     order by first_position desc limit 1) c
 where e.notification_id > %s and e.notification_id < c.first_position + c.events
 order by e.notification_id limit %s"""


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
    with conn.cursor() as cursor:
        found = [Row(*row) for row in cursor.execute(PAGE, (after, limit), binary=True)]
    if found and found[-1].position != after + len(found):  # positions are unique and in order: one comparison proves that none is missing
        missing = next(want for want, row in enumerate(found, after + 1) if row.position != want)
        raise Gap(f"position {missing} is missing from the log, or no command has stored it")
    return found


def record(row: Row, keys: Keys | None = None) -> Recorded | Unreadable:
    """The fact in today's shape; where this version of the program cannot read it, its bytes and why. Without `keys` nobody is named in it."""
    origin = Origin(row.actor, row.correlation, row.causation, row.source_ip, row.request_id)
    try:
        return Recorded(row.position, decode(row.topic, opened(row.topic, row.state, keys)), row.digest, row.command, origin, row.recorded_at)
    except Exception as error:  # noqa: BLE001  # UnknownFact, or an upcast that trips over what it finds: nothing stored may stop a reader
        why = f"{type(error).__name__}: {error}"
        return Unreadable(row.position, row.stream, row.version, row.topic, row.state, why, row.digest, row.command, origin, row.recorded_at)


def read(conn: psycopg.Connection, after: int, limit: int, key: ServerKey | None = None) -> list[Recorded | Unreadable]:
    """One page; with the server's `key`, people are named in it who are not forgotten. Raises Gap, WrongKey."""
    return records(conn, rows(conn, after, limit), key)


def records(conn: psycopg.Connection, found: list[Row], key: ServerKey | None = None) -> list[Recorded | Unreadable]:
    """Rows as facts. Raises WrongKey."""
    people = whose((row.topic, row.state) for row in found) if key else None
    keys = keys_of(conn, key, people) if key and people else None
    return [record(row, keys) for row in found]


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
