"""The library's recorder on our log: what reads is inherited, what writes goes through the head and the chain like everything else."""

import concurrent.futures
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.persistence import DataError, IntegrityError, OperationalError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import make_conninfo

from adapters.event_store import schema
from adapters.event_store.command import Command, Unstorable
from adapters.event_store.connections import connect
from adapters.event_store.writer import Writer
from application.ports.log import Appended, Conflict, IdReused, LogUnavailable, Origin


class LogRecorder(PostgresApplicationRecorder):
    """For a datastore with the schema `log` and text ids. `writer`: share one, which its owner closes; `deadline` is in seconds."""

    def __init__(self, datastore: PostgresDatastore, *, writer: Writer | None = None, deadline: float = 10.0) -> None:
        if (datastore.schema, datastore.originator_id_type) != ("log", "text"):
            raise ValueError("the log stands in the schema 'log' and has text ids: give the datastore schema='log', originator_id_type='text'")
        super().__init__(datastore)
        datastore.db_type_names.discard(self.stored_event_type_name)  # the library's own way to insert; we have no such type
        self._own_writer = writer is None
        self._writer = writer or Writer(partial(connect, _conninfo(datastore), "tiangong log writer"))
        self._deadline = deadline

    def create_table(self) -> None:
        with self.datastore.get_connection() as conn:
            schema.create(conn)

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, command: UUID | None = None, origin: Origin | None = None, request: bytes = b"", **kwargs: Any
    ) -> Sequence[int] | None:
        """Store a command's events; return their positions. Without a `command` id a new one is made; without events and id nothing happens.
        Raises the library's errors: IntegrityError (somebody was first, or the id was used), DataError, OperationalError (not known)."""
        if not stored_events and command is None:
            return None
        id = command or uuid4()
        try:
            stored = self._append(stored_events, id, origin or Origin(actor="system:library", correlation=id), request)
        except (Conflict, IdReused) as error:
            raise IntegrityError(str(error)) from error
        except Unstorable as error:
            raise DataError(str(error)) from error
        except LogUnavailable as error:
            raise OperationalError(str(error)) from error
        return list(range(stored.first, stored.first + stored.count))

    def _append(self, events: Sequence[StoredEvent], id: UUID, origin: Origin, request: bytes) -> Appended:
        answer: concurrent.futures.Future[Appended] = concurrent.futures.Future()
        facts = [(str(event.originator_id), event.originator_version, event.topic, event.state) for event in events]
        self._writer.submit(Command(facts, id, origin, request, answer))
        try:
            return answer.result(self._deadline)
        except concurrent.futures.TimeoutError:
            answer.cancel()
            raise LogUnavailable(f"no answer within {self._deadline} s: {self._writer.trouble or 'the log is busy'}") from None

    def close(self) -> None:
        if self._own_writer:
            self._writer.close()


def _conninfo(datastore: PostgresDatastore) -> str:
    settings = datastore.pool.kwargs
    assert isinstance(settings, dict)  # as PostgresDatastore makes it
    return make_conninfo(**{key: value for key, value in settings.items() if key != "row_factory"})
