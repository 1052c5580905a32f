"""One connection that many questions share, in libpq's pipeline mode: see `projections.engine.lines`."""

import asyncio
import re
from collections import OrderedDict, deque
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from psycopg import AsyncConnection, Error, OperationalError
from psycopg.adapt import Transformer
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName, error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from projections.engine.question import Aside, Found, Prepared, Question, as_text

BINARY, MOST = 1, 64
"""The format of answers; and how many statements one connection keeps prepared."""
SLOW, HEAVY = 0.1, 1000
"""After so many seconds without an answer whoever asks next takes another line, if there is one; and how many answers one like that weighs."""
FORGOTTEN = (InvalidSqlStatementName, FeatureNotSupported)
"""What the server says of a prepared statement that it knows no more (the driver has it forget all of them after a rollback), or that means
something else now (its table has other columns)."""
ROWS, WRONG, END = ExecStatus.TUPLES_OK, ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_SYNC
Statements = OrderedDict[str, Prepared]
_known: "WeakKeyDictionary[AsyncConnection[Any], Statements]" = WeakKeyDictionary()
"""What is prepared on which connection, also while that rests in its pool."""
_numbers = count(1)


class Line:
    def __init__(self, conn: AsyncConnection[Any]) -> None:
        self._conn, self._pg, self._loop = conn, conn.pgconn, asyncio.get_running_loop()
        self._statements = _known.setdefault(conn, Statements())
        self._under_way: deque[Question | Aside] = deque()
        self._transformer = Transformer(conn)
        self._encoding = conn.info.encoding
        self._in_utc = conn.info.parameter_status("TimeZone") == "UTC"
        self._sent, self._seen = 0, 0
        self._broken: asyncio.Future[None] = self._loop.create_future()
        self._socket = self._pg.socket
        self._pg.enter_pipeline_mode()
        self._loop.add_reader(self._socket, self._receive)

    def __len__(self) -> int:
        """How many answers are waited for."""
        return len(self._under_way)

    @property
    def broken(self) -> bool:
        return self._broken.done()

    def burden(self, now: float) -> int:
        """How many answers whoever asks now would wait for; one that is slow is worse than many."""
        waiting = self._under_way
        return len(waiting) + HEAVY if waiting and now - waiting[0].began > SLOW else len(waiting)

    def send(self, question: Question) -> None:
        """What goes wrong is the question's answer."""
        if self.broken:
            return question.fail(OperationalError("the connection is lost"))
        try:
            values = [as_text(value, self._encoding) for value in question.values]
        except (ValueError, Error) as error:
            return question.fail(error)
        self._sent += 1
        try:
            question.prepared = self._prepared(question)
            self._under_way.append(question)
            self._pg.send_query_prepared(question.prepared.name, values, result_format=BINARY)
            self._send()
        except Error as error:
            question.fail(error)
            self._break(error)

    def _prepared(self, question: Question) -> Prepared:
        """The statement's name; it is prepared first where it is not known."""
        known = self._statements.get(question.statement)
        if known is None or known.error is not None:
            known = self._statements[question.statement] = Prepared(b"line_%d" % next(_numbers))
            self._under_way.append(Aside(known, question.began))
            self._pg.send_prepare(known.name, numbered(question.statement).encode(self._encoding))
            self._pg.pipeline_sync()
        self._statements.move_to_end(question.statement)
        if len(self._statements) > MOST:
            _, oldest = self._statements.popitem(last=False)
            self._under_way.append(Aside(oldest, question.began))
            self._pg.send_query_params(b"deallocate " + oldest.name, None)
            self._pg.pipeline_sync()
        return known

    def _send(self) -> None:
        """Each question is synchronized on its own: what fails before that is not carried over to the next."""
        self._pg.pipeline_sync()
        if self._pg.flush():
            self._loop.add_writer(self._socket, self._flush)

    def _flush(self) -> None:
        """What the socket would not take at once."""
        try:
            if not self._pg.flush():
                self._loop.remove_writer(self._socket)
        except Error as error:
            self._break(error)

    def _receive(self) -> None:
        ended = False
        try:
            self._pg.consume_input()
            while self._under_way and not self._pg.is_busy():
                result = self._pg.get_result()
                if result is None and ended:
                    break  # nothing more will come but the news that the connection is lost
                ended = result is None
                if result is not None:
                    self._take(result)
        except Error as error:
            self._break(error)

    def _take(self, result: PGresult) -> None:
        if result.status == END:
            self._under_way.popleft().end()
        else:
            self._under_way[0].take(result, self._read)

    def _read(self, result: PGresult, prepared: Prepared) -> Found | None:
        if result.status == WRONG:
            error = error_from_result(result, self._encoding)
            if isinstance(error, FORGOTTEN):
                prepared.error = prepared.error or error  # so it is prepared anew for whoever asks next
            raise error
        if result.status != ROWS:
            return None
        if not prepared.names:
            prepared.names = tuple((result.fname(column) or b"").decode(self._encoding) for column in range(result.nfields))
        self._transformer.set_pgresult(result)
        rows = self._transformer.load_rows(0, result.ntuples, tuple)
        return Found(prepared.names, rows if self._in_utc else [*map(in_utc, rows)])

    def _break(self, error: Exception) -> None:
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        if not self._broken.done():
            self._broken.set_result(None)
        while self._under_way:
            self._under_way.popleft().fail(error)

    async def used(self, linger: float, patience: float) -> bool:
        """After a moment: whether it was asked anything meanwhile, or waits for an answer that may still come."""
        await asyncio.wait({self._broken}, timeout=linger)
        if self._under_way and self._loop.time() - self._under_way[0].began > patience:
            self._break(OperationalError("the database does not answer"))
        before, self._seen = self._seen, self._sent
        return not self._broken.done() and (before != self._sent or len(self._under_way) > 0)

    async def leave(self) -> None:
        """The connection as it was before; closed, where that cannot be."""
        if self._under_way or self._broken.done():
            self._break(OperationalError("the server ends"))
            await self._conn.close()
        else:
            self._loop.remove_reader(self._socket)
            self._pg.exit_pipeline_mode()


@lru_cache(256)
def numbered(statement: str) -> str:
    """With `$1`, `$2` for each `%s`: the server's own words."""
    numbers = count(1)
    return re.sub("%s", lambda _: f"${next(numbers)}", statement)


def in_utc(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value.astimezone(UTC) if isinstance(value, datetime) else value for value in row)
