"""A settled piece of the log as the audit's files need it: stored bytes, and each command's fields as the texts that are printed.

A command's fields come with the first of its events only, so that they are read and printed once. PostgreSQL makes the next page while the one
at hand is written: one page ahead, never more, so that a slow receiver costs nothing. It is awaited in a thread, by a call of libpq that holds
no lock of Python's; the rows become objects where they are used.
"""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult

from adapters.event_store.checkpoints import Checkpoint
from adapters.event_store.reading import Gap

PRINTED = """to_char({} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
"""As `checkpoints.printed` does."""
COMMAND = f"""c.first_position, c.events, c.actor, c.command_id::text, c.correlation_id::text, c.causation_id::text, c.source_ip, c.request_id,
       {PRINTED.format("c.recorded_at")}"""
PAGE = f"""
select e.notification_id, e.originator_id, e.originator_version, e.topic, e.state, e.digest,
       k.position, encode(k.digest, 'hex'), {PRINTED.format("k.signed_at")}, k.key_id, encode(k.signature, 'hex'),
       {COMMAND}
  from log.stored_events e
  left join log.stored_events_commands c on c.first_position = e.notification_id and c.events > 0
  left join log.checkpoints k on k.position = e.notification_id
 where e.notification_id between $1::bigint and $2::bigint
 order by e.notification_id""".encode()
BEFORE = f"select {COMMAND} from log.stored_events_commands c where events > 0 and first_position < %s order by first_position desc limit 1".encode()


class Command(NamedTuple):
    """What asked for events; `first` is the position of the first of them."""

    first: int
    events: int
    actor: str
    id: str
    correlation: str
    causation: str | None
    source_ip: str
    request_id: str
    recorded_at: str


class Stored(NamedTuple):
    """An event; `mark`: the checkpoint that is about it."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes
    digest: bytes
    command: Command
    mark: Checkpoint | None = None


def pages(conn: psycopg.Connection, first: int, last: int, size: int) -> Generator[list[Stored]]:
    """Page by page, both ends belong to it. Nobody else may use the connection meanwhile. Raises Gap."""
    row = conn.execute(BEFORE, (first,)).fetchone()
    command = Command._make(row) if row is not None else None
    with ThreadPoolExecutor(1, "export") as thread:
        coming = thread.submit(asked, conn, first, min(first + size - 1, last))
        for start in range(first, last + 1, size):
            end = min(start + size - 1, last)
            result, coming = coming.result(), thread.submit(asked, conn, end + 1, min(end + size, last))
            found = loaded(conn, result, start, command)
            if len(found) <= end - start:
                raise Gap(f"position {start + len(found)} is missing from the log, or no command has stored it")
            command = found[-1].command
            yield found


def asked(conn: psycopg.Connection, first: int, last: int) -> PGresult:
    """Both ends belong to it; the last page is followed by an empty one. How long it may take, the connection's settings say."""
    return conn.pgconn.exec_params(PAGE, [b"%d" % first, b"%d" % last], result_format=Format.BINARY)


def loaded(conn: psycopg.Connection, result: PGresult, want: int, command: Command | None) -> list[Stored]:
    """The events from the position `want` on, up to the first that is missing or that no command has stored. `command`: of the event before."""
    if result.status != ExecStatus.TUPLES_OK:
        raise psycopg.errors.error_from_result(result)
    rows = Transformer(conn)
    rows.set_pgresult(result)
    end = command.first + command.events if command is not None else want
    found: list[Stored] = []
    for row in rows.load_rows(0, result.ntuples, tuple):
        if row[11] is not None:
            command = Command._make(row[11:])
            end = command.first + command.events
        if row[0] != want or command is None or want >= end:
            break
        found.append(Stored._make((*row[:6], command, Checkpoint(*row[6:11]) if row[6] is not None else None)))
        want += 1
    return found
