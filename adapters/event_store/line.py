"""The writer's connection: it carries one batch at a time, and nobody has to wait in it. An event loop listens to it among all else that it
does; a thread that has nothing else to do waits here.

It speaks to libpq itself: what psycopg does around a statement (a cursor, adaptation, a generator) costs more than the rest of a small append.
"""

import select
from collections.abc import Sequence

import psycopg
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult

from adapters.event_store.batch import APPEND, TYPES

PREPARE = f"prepare append ({TYPES}) as {APPEND}".encode()
NAME = b"append"
FORMATS = [Format.BINARY] * (TYPES.count(",") + 1)


class Line:
    """On an open connection that nobody else uses. Everything raises psycopg.Error: then what came of the batch is not known, unless the
    error says so."""

    def __init__(self, conn: psycopg.Connection) -> None:
        self._conn, self._libpq = conn, conn.pgconn
        self._result: PGresult | None = None
        conn.execute(PREPARE)

    def fileno(self) -> int:
        return self._conn.fileno()

    def send(self, arguments: Sequence[bytes]) -> bool:
        """Begin a batch. False: not all of it went into the socket, `wait` sends the rest."""
        self._libpq.send_query_prepared(NAME, arguments, FORMATS, Format.BINARY)
        return self._libpq.flush() == 0

    def answer(self) -> PGresult | None:
        """What has come of the batch; None: nothing yet. To be asked when there is something to read."""
        self._libpq.consume_input()
        while not self._libpq.is_busy():
            result = self._libpq.get_result()
            if result is None:
                return self._checked()
            self._result = result
        return None

    def wait(self) -> PGresult:
        """For the answer. The connection's own limits end it (see connections.py)."""
        poll = select.poll()
        while self._libpq.flush():
            poll.register(self.fileno(), select.POLLIN | select.POLLOUT)
            poll.poll()
            self._libpq.consume_input()
        poll.register(self.fileno(), select.POLLIN)
        while (answer := self.answer()) is None:
            poll.poll()
        return answer

    def close(self) -> None:
        self._conn.close()

    def _checked(self) -> PGresult:
        result, self._result = self._result, None
        if result is None:
            raise psycopg.OperationalError("the database gave no answer")
        if result.status != ExecStatus.TUPLES_OK:
            error = psycopg.errors.error_from_result(result)
            raise error if error.sqlstate else psycopg.OperationalError(str(error))  # libpq's own words: the connection is gone
        return result
