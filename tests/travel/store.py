"""Facts put into the real log's tables as they are, many at once: positions, digests, commands and times included."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby

import psycopg

from tests.support.memory_log import Stored

EVENTS = "copy log.stored_events (originator_id, originator_version, topic, state, notification_id, digest) from stdin"
COMMANDS = """
copy log.stored_events_commands (command_id, request, first_position, events, actor, correlation_id, causation_id, source_ip, request_id, recorded_at)
from stdin"""
HEAD = "update log.stored_events_head set position = %s, digest = %s"
Versions = dict[str, int]


def store(conninfo: str, rows: Sequence[Stored], since: datetime, after: int = 0, versions: Versions | None = None) -> None:
    """Behind position `after`; the fact at position n was recorded n seconds after `since`, with its command's others. `versions`: of the
    streams, so far."""
    known = {} if versions is None else versions
    with psycopg.connect(conninfo) as conn, conn.cursor() as cursor:
        with cursor.copy(EVENTS) as copy:
            for position, row in enumerate(rows, after + 1):
                known[row.stream] = known.get(row.stream, 0) + 1
                copy.write_row((row.stream, known[row.stream], row.topic, row.state, position, row.digest))
        with cursor.copy(COMMANDS) as copy:
            for first, count, row in commands(rows, after):
                origin = row.origin
                copy.write_row((row.command, b"", first, count, origin.actor, origin.correlation, origin.causation, origin.source_ip,
                                origin.request_id, since + timedelta(seconds=first)))
        cursor.execute(HEAD, (after + len(rows), rows[-1].digest))


def commands(rows: Sequence[Stored], after: int) -> Iterable[tuple[int, int, Stored]]:
    """Of each command its first position, how many facts it stored, and one of them."""
    first = after + 1
    for _, group in groupby(rows, lambda row: row.command):
        found = list(group)
        yield first, len(found), found[0]
        first += len(found)
