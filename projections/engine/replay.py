"""The log from its beginning into empty tables."""

from collections.abc import Callable, Sequence

from projections.engine import built
from projections.engine.connections import Connection
from projections.engine.projection import Projection
from projections.engine.projector import move_to
from projections.engine.write import Record, write

Read = Callable[[Connection, int, int], Sequence[Record]]
"""`(connection, after, limit)`: the facts behind a position, in order, without gaps; fewer than `limit` only at the log's end."""


class LogTooShort(Exception):
    """The read models stand at a position that the log does not have: it is another log, or an older copy."""


def replay(conn: Connection, read: Read, projections: Sequence[Projection], after: int, upto: int, *, page: int = 500) -> int:
    """Bring the facts from behind `after` up to `upto` into the tables on the search path, a transaction a page (savepoints, where
    the caller has one open). Returns how many (projection, fact) went into quarantine."""
    quarantined = 0
    while after < upto:
        with conn.transaction():
            batch = read(conn, after, min(page, upto - after))
            if not batch:
                raise LogTooShort(f"the read models stand at {upto}, the log ends at {after}")
            if after == 0:
                built.record(conn, projections)
            quarantined += write(conn, projections, batch)
            after = batch[-1].position
            move_to(conn, after)
    return quarantined


