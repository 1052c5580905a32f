"""Are the read models what the log says? Replays the log beside them and compares every table, row by row, as text."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from projections.engine.connections import Connection, connect
from projections.engine.projection import Projection
from projections.engine.projector import stands_at
from projections.engine.replay import Read, replay
from projections.engine.schema import create, tables_in

SHADOW = "shadow_check"


@dataclass(frozen=True)
class TableCheck:
    """One table: how many rows were compared, and the first that differs (as PostgreSQL prints a row), on either side."""

    table: str
    rows: int
    only_live: str | None = None
    only_replayed: str | None = None

    @property
    def ok(self) -> bool:
        return self.only_live is None and self.only_replayed is None

    def __str__(self) -> str:
        if self.ok:
            return f"{self.table}: {self.rows} rows, all as the log says"
        live, replayed = self.only_live or "-", self.only_replayed or "-"
        return f"{self.table}: {self.rows} rows, not as the log says\n  only in the read model: {live}\n  only in the replay:     {replayed}"


@dataclass(frozen=True)
class Report:
    position: int
    """Up to which the log was replayed."""
    tables: tuple[TableCheck, ...]

    @property
    def ok(self) -> bool:
        return all(table.ok for table in self.tables)

    @property
    def first_difference(self) -> TableCheck | None:
        return next((table for table in self.tables if not table.ok), None)


def check(conninfo: str, read: Read, projections: Sequence[Projection], *, schema: str = "views") -> Report:
    """Compare, on one snapshot, while everything else goes on; nothing is left behind. The user needs the right to create schemas.
    Raises LogTooShort where the log ends before the read models' position."""
    with connect(conninfo, schema, statement_timeout=0) as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with conn.transaction(force_rollback=True):
            position = stands_at(conn)
            live = tables_in(conn, schema)
            create(conn, SHADOW, projections)
            with connect(conninfo, schema) as reader:
                replay(conn, read, projections, 0, position, reader=reader)
            replayed = tables_in(conn, SHADOW)
            tables = [*live, *(table for table in replayed if table not in live)]
            return Report(position, tuple(compare(conn, table, schema, table in live, table in replayed) for table in tables))


def compare(conn: Connection, table: str, schema: str, in_live: bool, in_replay: bool) -> TableCheck:
    if not in_live:
        return TableCheck(table, 0, only_replayed="the table itself")
    live, replayed = sql.Identifier(schema, table), sql.Identifier(SHADOW, table)
    rows = value(conn, sql.SQL("select count(*) from {}").format(live)) or 0
    if not in_replay:
        return TableCheck(table, int(str(rows)), only_live="the table itself: no projection makes it")
    return TableCheck(table, int(str(rows)), only_live=first_only_in(conn, live, replayed), only_replayed=first_only_in(conn, replayed, live))


def first_only_in(conn: Connection, one: sql.Identifier, other: sql.Identifier) -> str | None:
    query = sql.SQL("select t::text as row from {} t except all select t::text from {} t order by 1 limit 1")
    found = value(conn, query.format(one, other))
    return None if found is None else str(found)


def value(conn: Connection, query: sql.Composed) -> object:
    found = conn.execute(query).fetchone()
    return found[0] if found else None
