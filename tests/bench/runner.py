"""The library's way to read models: its `ProjectionRunner` on our log, with the tracking record and the rows in one transaction, as its
documentation shows."""

import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from eventsourcing.application import Application
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg import sql

from domain.recorded import Origin, Recorded
from projections.catalogue import PROJECTIONS
from projections.engine.connections import Connection, Document
from projections.engine.projection import without_nulls
from projections.engine.schema import create
from tests.event_store.library import environment

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ORIGIN = Origin("system:bench", UUID(int=7), None, "192.0.2.17", "req_1")
UPSERT = """insert into peer.latest (stream, version, topic, at, by, position) values (%s, %s, %s, %s, %s, %s)
on conflict (stream) do update
   set version = excluded.version, topic = excluded.topic, at = excluded.at, by = excluded.by, position = excluded.position"""


class Stock(Application[str]):
    """An application of the library as it comes; its tables have the application's name, so it has ours."""

    name = "stored"


class View(PostgresTrackingRecorder):
    """Rows, and how far they have come."""

    def write(self, statements: list[tuple[Any, Any]], tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            cursor.adapters.register_dumper(dict, Document)
            cursor.adapters.register_dumper(msgspec.Raw, Document)
            for statement, parameters in statements:
                cursor.execute(statement, parameters, prepare=True)
            self._insert_tracking(cursor, tracking)


class SameRows(Projection[View]):
    """For each event the statements that our own projections mean by it."""

    name = "same"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        recorded = Recorded(tracking.notification_id, domain_event, b"", UUID(int=tracking.notification_id), ORIGIN, NOON)
        self.view.write([(p.statements[name], parameters) for p in PROJECTIONS if type(domain_event) in p.handles
                         for name, parameters in p.project(recorded)], tracking)


class OneRow(Projection[View]):
    """The least there can be: one row for each stream."""

    name = "one"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        e = domain_event
        self.view.write([(UPSERT, (e.stream, e.version, e.TOPIC, e.at, without_nulls(e.by), tracking.notification_id))], tracking)


def tables(conn: Connection) -> None:
    """The peer's own, beside ours; its connections find them by the database's search path."""
    with conn.transaction():
        create(conn, "peer", PROJECTIONS)
    conn.execute(sql.SQL("alter database {} set search_path = peer").format(sql.Identifier(conn.info.dbname)))
    conn.execute('create table peer.latest '
                 '(stream text collate "C" primary key, version bigint, topic text, at timestamptz, by text, position bigint)')


def run(conninfo: str, projection: type[Projection[View]], seconds: float) -> float:
    """Events a second, from where it stood."""
    env = environment(conninfo, POSTGRES_SINGLE_ROW_TRACKING="yes", **{f"{projection.name.upper()}_CREATE_TABLE": "yes"})
    with ProjectionRunner(application_class=Stock, projection_class=projection, view_class=View, env=env) as runner:
        view, began = runner.projection.view, time.monotonic()
        first = view.max_tracking_id(runner.app.name) or 0
        runner.run_forever(timeout=seconds)  # raises what the projection raises
        return ((view.max_tracking_id(runner.app.name) or 0) - first) / (time.monotonic() - began)
