"""Facts, origins and handles on the database for the log's tests."""

import asyncio
import os
import socket
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import sql

from adapters.event_store.connections import connect
from adapters.event_store.log import PostgresLog
from application.ports.log import Appended
from domain.event import Event
from domain.name.events import NameClaimed
from domain.recorded import Origin
from tests.support.waiting import until

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ORIGIN = Origin(actor="usr_ann", correlation=UUID(int=1), causation=UUID(int=2), source_ip="192.0.2.1", request_id="req_1")


def fact(stream: str = "", version: int = 1, name: str = "ann") -> NameClaimed:
    """A small fact; of a stream of its own unless one is named."""
    return NameClaimed(stream=stream or f"name_{uuid4()}", version=version, at=NOON, by="usr_ann", kind="user", name=name, owner="usr_ann")


def append(log: PostgresLog, *events: Event, command: UUID | None = None, request: bytes = b"") -> Coroutine[Any, Any, Appended]:
    return log.append(events, command or uuid4(), ORIGIN, request)


class Connections:
    """What a Writer connects with; keeps what it opened, so that a test can cut it."""

    def __init__(self, conninfo: str, lock_timeout: float = 10.0) -> None:
        self._connect = partial(connect, conninfo, "tiangong log writer", lock_timeout=lock_timeout)
        self.opened: list[psycopg.Connection] = []

    def __call__(self) -> psycopg.Connection:
        self.opened.append(self._connect())
        return self.opened[-1]

    def cut(self) -> bool:
        """Cut the last connection's socket on our side: the server does not notice until it answers. False if there is none to cut."""
        try:
            with socket.socket(fileno=os.dup(self.opened[-1].fileno())) as ours:
                ours.shutdown(socket.SHUT_RDWR)
        except (psycopg.OperationalError, IndexError, OSError):
            return False
        return True


@contextmanager
def head_held(database: str) -> Iterator[None]:
    """Nobody can append until the block ends."""
    with psycopg.connect(database) as conn:
        conn.execute("select from log.stored_events_head for update")
        yield


def waiting_writers(admin: psycopg.Connection) -> int:
    """How many of the server's processes wait for the head."""
    query = """select count(*) from pg_stat_activity
                where datname = current_database() and application_name = 'tiangong log writer' and wait_event_type = 'Lock'"""
    return admin.execute(query).fetchone()[0]


async def in_one_batch(log: PostgresLog, database: str, admin: psycopg.Connection, *appends: Coroutine) -> list[Appended | BaseException]:
    """Run the appends so that the writer finds all of them queued: another command is held at the head (and stored, before them)."""
    with head_held(database):
        first = asyncio.create_task(append(log, fact()))
        await until(lambda: waiting_writers(admin) == 1)
        tasks = [asyncio.create_task(each) for each in appends]
        await until(lambda: log.writer.queued == len(tasks))
    await first
    return await asyncio.gather(*tasks, return_exceptions=True)


def terminate(admin: psycopg.Connection, name: str) -> int:
    """End the server's processes that serve the connections of this name; how many there were."""
    query = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = %s and datname = current_database()"
    return admin.execute(query, (name,)).fetchone()[0]


@contextmanager
def database_away(databases_admin: str, database: str) -> Iterator[None]:
    """Every connection of ours to the database is ended and none can be made until the block ends."""
    name = str(psycopg.conninfo.conninfo_to_dict(database)["dbname"])
    with psycopg.connect(databases_admin, autocommit=True) as server:
        allow = sql.SQL("alter database {} with allow_connections {}")
        server.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        server.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and application_name like 'tiangong %%'", (name,))
        try:
            yield
        finally:
            server.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


def assert_whole(admin: psycopg.Connection, events: int | None = None) -> None:
    """Positions without gaps, the head at the last, the chain unbroken, every command's events where it says."""
    head = admin.execute("select position from log.stored_events_head").fetchone()[0]
    found = admin.execute("select count(*), coalesce(max(notification_id), 0), log.verify(1, %s) from log.stored_events", (head,)).fetchone()
    assert found == (head, head, None)
    assert admin.execute("select coalesce(sum(events), 0) from log.stored_events_commands").fetchone()[0] == head
    assert events in (None, head)
