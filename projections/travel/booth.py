"""One connection with read models of its own: temporary tables that are filled for one answer, and rolled back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import psycopg

from projections.engine.connections import Connection, prepare
from projections.engine.schema import FOLDER
from projections.engine.write import write
from projections.travel.trips import TABLES, Log, Trip

SETTINGS = b"""
set statement_timeout = 3000; set synchronous_commit = off; set timezone = 'UTC'; set client_min_messages = warning;
set jit = off; set enable_seqscan = off; set enable_bitmapscan = off"""
"""No plan may depend on what is known of tables that grow, or that are empty between two answers."""
ALONE = b"begin; set local search_path = pg_temp"
"""A transaction in which what is not among the temporary tables is not found, in place of being read as it is now."""
EMPTY = b"""
do $$ declare filled text; begin
  select string_agg(format('pg_temp.%I', relname), ', ') into filled from pg_class
   where relnamespace = pg_my_temp_schema() and relkind = 'r' and pg_relation_size(oid) > 0;
  if filled <> '' then
    execute 'truncate ' || filled;
  end if;
end $$"""
"""Only those that hold something: each one costs new files."""
AGAIN = 40
"""After so many answers the tables are emptied: what was rolled back stays in their files till then."""
T = TypeVar("T")


class NoTemporaryTables(Exception):
    """The database does not let its user make temporary tables."""


class Writing(psycopg.Connection[tuple]):
    """A second face of a session."""

    def __del__(self, *_: object) -> None:
        """It is the other face that is to be closed."""


class Booth:
    """Two faces of one session, in autocommit mode: the projections write by a thread's connection, the questions are asked by the event
    loop's. One of the two is in use at a time, and only the first prepares statements: both would give them the same names."""

    def __init__(self, conn: psycopg.AsyncConnection[Any]) -> None:
        self._asking = conn
        self._writing: Connection = Writing(conn.pgconn)
        self._writing.autocommit = True
        self._ready, self._used = False, 0
        prepare(self._writing)
        conn.prepare_threshold = None

    async def run(self, work: Callable[[Connection], T]) -> T:
        """In a thread, with the connection. Who is cancelled meanwhile goes when the connection is free again."""
        working = asyncio.ensure_future(asyncio.to_thread(work, self._writing))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            await asyncio.wait([working])
            raise

    async def fill(self, log: Log, trip: Trip, id: str, position: int) -> None:
        """Leaves a transaction open in which the tables hold what the question needs. Raises NoTemporaryTables."""

        def work(conn: Connection) -> None:
            self._make_tables(conn)
            found = trip.gather(log, conn, id, position)
            conn.execute(ALONE)
            write(conn, trip.projections, found)

        await self.run(work)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """What questions ask a pool for."""
        yield self._asking

    async def tidy(self) -> None:
        """Between two answers, when nobody waits."""
        self._used += 1
        if self._ready and self._used % AGAIN == 0:
            await self._asking.execute(EMPTY)

    def _make_tables(self, conn: Connection) -> None:
        if self._ready:
            return
        try:
            conn.execute(ALONE)
            conn.execute((FOLDER / "tables.sql").read_text().encode())
            for projection in TABLES:
                conn.execute(projection.tables.encode())
            conn.commit()
        except psycopg.errors.InsufficientPrivilege as error:
            raise NoTemporaryTables(error.diag.message_primary or str(error)) from error
        self._ready = True
