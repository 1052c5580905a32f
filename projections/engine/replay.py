"""The log from its beginning into empty tables."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from projections.engine import built
from projections.engine.connections import Connection, free, steady
from projections.engine.projection import Projection
from projections.engine.projector import move_to
from projections.engine.write import Record, write

Read = Callable[[Connection, int, int], Sequence[Record]]
"""`(connection, after, limit)`: the facts behind a position, in order, without gaps; fewer than `limit` only at the log's end."""


class LogTooShort(Exception):
    """The read models stand at a position that the log does not have: it is another log, or an older copy."""


def replay(conn: Connection, read: Read, projections: Sequence[Projection], after: int, upto: int, *, page: int = 5000,
           reader: Connection | None = None) -> int:
    """Bring the facts from behind `after` up to `upto` into the tables on the search path, a transaction a page (savepoints, where
    the caller has one open). With a connection for the `reader` a page is read while the one before it is written.
    Returns how many (projection, fact) went into quarantine."""
    quarantined = 0
    steady(conn)
    for batch in pages(reader or conn, read, after, upto, page, ahead=reader is not None):
        with conn.transaction():
            if after == 0:
                built.record(conn, projections)
            quarantined += write(conn, projections, batch)
            after = batch[-1].position
            move_to(conn, after)
    free(conn)
    return quarantined


def pages(conn: Connection, read: Read, after: int, upto: int, page: int, *, ahead: bool) -> Iterator[Sequence[Record]]:
    """Raises LogTooShort."""
    with ThreadPoolExecutor(1, "replay") as thread:
        coming: Future[Sequence[Record]] | None = None
        while after < upto:
            batch = coming.result() if coming else read(conn, after, min(page, upto - after))
            if not batch:
                raise LogTooShort(f"the read models stand at {upto}, the log ends at {after}")
            after = batch[-1].position
            coming = thread.submit(read, conn, after, min(page, upto - after)) if ahead and after < upto else None
            yield batch
