"""Read models made again: filled beside the old ones from the log's beginning, then put in their place in one moment."""

import logging
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from projections.engine.built import stale
from projections.engine.connections import Connection, connect
from projections.engine.projection import Projection
from projections.engine.projector import stands_at
from projections.engine.replay import Read, replay
from projections.engine.schema import bind_counters, create, tables_in

SHADOW = "shadow_rebuild"
LOCK = 7355610
"""The advisory lock of a rebuild: there is one at a time."""
SHARED = ("positions", "quarantine", "built")
"""Tables that belong to all projections: they stay, and take over rows."""
NEAR, ROUNDS = 200, 20
"""So few facts behind, or after so many rounds, the rest is replayed while the projector waits."""
logger = logging.getLogger(__name__)


class Busy(Exception):
    """Somebody else rebuilds, or readers did not let go of a table in time; nothing was changed."""


@dataclass(frozen=True)
class Rebuilt:
    projections: tuple[str, ...]
    position: int
    quarantined: int


def rebuild(conninfo: str, read: Read, projections: Sequence[Projection], names: Collection[str] | None = None, *,
            schema: str = "views", patience: float = 30.0) -> Rebuilt:
    """Make the tables of these projections (None: all) again; readers and projectors go on meanwhile. The user must own the tables.
    `patience`: seconds to wait for readers to let go. Raises Busy, LogTooShort, and ValueError for an unknown name."""
    chosen = chosen_from(projections, names)
    with connect(conninfo, schema, statement_timeout=0) as conn, alone(conn):
        with conn.transaction():
            conn.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(SHADOW)))
            create(conn, SHADOW, chosen)
        with connect(conninfo, schema) as reader:
            quarantined = catch_up(conn, reader, read, chosen, schema)
        return swap(conn, read, chosen, schema, patience, quarantined)


@contextmanager
def alone(conn: Connection) -> Iterator[None]:
    """The lock is given back by word: a session that is closed keeps it for a moment longer, and the next rebuild would be told that we are at it."""
    found = conn.execute("select pg_try_advisory_lock(%s)", (LOCK,)).fetchone()
    if not (found and found[0]):
        raise Busy("another rebuild is under way")
    yield
    conn.execute("select pg_advisory_unlock(%s)", (LOCK,))


def refresh(conninfo: str, read: Read, projections: Sequence[Projection], *, schema: str = "views") -> Rebuilt | None:
    """Make again what other code has made (an older release, an unknown projection); before the projector of a new release starts."""
    with connect(conninfo, schema) as conn:
        names = stale(conn, projections)
    return rebuild(conninfo, read, projections, names, schema=schema) if names else None


def chosen_from(projections: Sequence[Projection], names: Collection[str] | None) -> tuple[Projection, ...]:
    known = {projection.name: projection for projection in projections}
    for name in names or ():
        if name not in known:
            raise ValueError(f"there is no projection {name!r}: there are {', '.join(known)}")
    return tuple(known.values()) if names is None else tuple(known[name] for name in known if name in names)


def catch_up(conn: Connection, reader: Connection, read: Read, chosen: Sequence[Projection], schema: str) -> int:
    """Replay until it is near to where the live tables are, which move on meanwhile."""
    quarantined = 0
    for _ in range(ROUNDS):
        position, target = stands_at(conn), live_position(conn, schema)
        if target - position <= NEAR:
            break
        quarantined += replay(conn, read, chosen, position, target, reader=reader)
        logger.info("replayed %d facts", target)
    return quarantined


def live_position(conn: Connection, schema: str, *, lock: bool = False) -> int:
    query = sql.SQL("select position from {} where name = 'views'" + (" for update" if lock else ""))
    found = conn.execute(query.format(sql.Identifier(schema, "positions"))).fetchone()
    return int(found[0]) if found else 0


def swap(conn: Connection, read: Read, chosen: Sequence[Projection], schema: str, patience: float, quarantined: int) -> Rebuilt:
    """While the projector waits: replay the rest, then exchange the tables."""
    names = [projection.name for projection in chosen]
    with conn.transaction():
        position = live_position(conn, schema, lock=True)
        quarantined += replay(conn, read, chosen, stands_at(conn), position)
        new = [table for table in tables_in(conn, SHADOW) if table not in SHARED]
        old = [table for table in new if table in tables_in(conn, schema)]
        take(conn, [sql.Identifier(schema, table) for table in old], patience)
        for table in old:
            conn.execute(sql.SQL("drop table {}").format(sql.Identifier(schema, table)))
        for table in new:
            conn.execute(sql.SQL("alter table {} set schema {}").format(sql.Identifier(SHADOW, table), sql.Identifier(schema)))
        for table in ("quarantine", "built"):
            there, here = sql.Identifier(schema, table), sql.Identifier(SHADOW, table)
            conn.execute(sql.SQL("delete from {} where projection = any(%s)").format(there), (names,))
            conn.execute(sql.SQL("insert into {} select * from {}").format(there, here))
        conn.execute(sql.SQL("set search_path = {}").format(sql.Identifier(schema)))
        bind_counters(conn, chosen)
        conn.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(SHADOW)))
    return Rebuilt(tuple(names), position, quarantined)


def take(conn: Connection, tables: Sequence[sql.Identifier], patience: float) -> None:
    """Lock the tables against everybody. It waits for a moment only and then lets go of all: a reader of several tables, of which it
    holds some, would wait for it for ever."""
    if not tables:
        return
    deadline, pause = time.monotonic() + patience, threading.Event()
    query = sql.SQL("lock table {} in access exclusive mode").format(sql.SQL(", ").join(tables))
    while True:
        try:
            with conn.transaction():
                conn.execute("set local lock_timeout = 300")  # less than PostgreSQL's deadlock_timeout, so that no reader is the victim
                conn.execute(query)
                return
        except psycopg.errors.LockNotAvailable:
            if time.monotonic() > deadline:
                raise Busy(f"readers did not let go of the tables within {patience:g} s: try again") from None
            pause.wait(0.05)
