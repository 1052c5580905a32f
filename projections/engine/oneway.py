"""Several prepared statements with one way to the server and back.

psycopg's pipeline looks at the socket and sends for each statement, and waits at the borders of transactions: for the few facts of a moment that
is more than half of the time until their rows are there. Here all is handed to libpq's own pipeline at once, and then all answers are taken.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from psycopg import Error, OperationalError
from psycopg.abc import Buffer, PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import InvalidSqlStatementName, error_from_result
from psycopg.generators import fetch, send
from psycopg.pq import ExecStatus

from projections.engine.connections import Connection

PARAMETER = re.compile(rb"%\((\w+)\)s")


@dataclass(frozen=True, slots=True)
class Ready:
    """A statement with `$1`, `$2` …, and its parameters as the server takes them."""

    statement: bytes
    parameters: Sequence[Buffer | None] = ()
    types: tuple[int, ...] = ()
    formats: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class Numbered:
    """A statement whose parameters had names, and those, in their order."""

    statement: bytes
    names: tuple[str, ...]
    formats: tuple[PyFormat, ...]


def numbered(statement: bytes) -> Numbered:
    names = list(dict.fromkeys(PARAMETER.findall(statement)))
    text = PARAMETER.sub(lambda found: b"$%d" % (names.index(found[1]) + 1), statement).replace(b"%%", b"%")
    return Numbered(text, tuple(name.decode() for name in names), (PyFormat.AUTO,) * len(names))


class OneWay:
    """On a connection in autocommit mode that belongs to one thread."""

    def __init__(self, conn: Connection) -> None:
        self._conn, self._pgconn = conn, conn.pgconn
        self._transformer = Transformer(conn)
        self._numbered: dict[bytes, Numbered] = {}
        self._prepared: dict[object, bytes] = {}
        """The name of each statement that the server knows, by its text and the types of its parameters."""
        self._names = (b"oneway_%d" % number for number in range(2**62))

    def ready(self, statement: bytes, parameters: Mapping[str, object]) -> Ready:
        """With the parameters as psycopg sends them. Raises what it raises where it cannot."""
        known = self._numbered.get(statement)
        if known is None:
            known = self._numbered[statement] = numbered(statement)
        values = self._transformer.dump_sequence([parameters[name] for name in known.names], known.formats)
        return Ready(known.statement, values, self._transformer.types or (), self._transformer.formats)

    def run(self, *transactions: Sequence[Ready]) -> None:
        """Each is committed, or nothing of it happens, and the next ones are tried all the same. Raises the first error there was. Where the
        connection breaks (OperationalError) nobody knows what happened; then it is to be closed."""
        with self._conn.lock:
            self._pgconn.enter_pipeline_mode()
            new = [each for statements in transactions for each in self._enqueue(statements)]
            error = self._conn.wait(self._answers(new))
            self._pgconn.exit_pipeline_mode()
        if isinstance(error, InvalidSqlStatementName):
            self._prepared.clear()  # psycopg lets the server forget all statements when it has rolled back
        if error is not None:
            raise error

    def _enqueue(self, statements: Sequence[Ready]) -> Iterator[tuple[object, bytes] | None]:
        """What each of the answers will be about: a statement that was made known under a name, or none."""
        for each in statements:
            key = each.statement, each.types
            name = self._prepared.get(key)
            if name is None:
                name = next(self._names)
                self._pgconn.send_prepare(name, each.statement, each.types)
                yield key, name
            self._pgconn.send_query_prepared(name, each.parameters, each.formats)
            yield None
        self._pgconn.pipeline_sync()  # outside of BEGIN and COMMIT the server makes a transaction of what stands before it
        yield None

    def _answers(self, new: Sequence[tuple[object, bytes] | None]) -> PQGen[Error | None]:
        yield from send(self._pgconn)
        error: Error | None = None
        for made in new:
            result = yield from fetch(self._pgconn)
            if result is None:
                raise OperationalError("the connection is lost")
            if result.status == ExecStatus.FATAL_ERROR:
                error = error or error_from_result(result)
            elif made and result.status == ExecStatus.COMMAND_OK:
                self._prepared[made[0]] = made[1]
            if result.status != ExecStatus.PIPELINE_SYNC:
                yield from fetch(self._pgconn)  # nothing: the end of this answer
        return error
