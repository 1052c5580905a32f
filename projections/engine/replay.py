"""The log from its beginning into empty tables."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from projections.engine import built
from projections.engine.collecting import hurrying
from projections.engine.connections import Connection, free, steady
from projections.engine.projection import Projection
from projections.engine.projector import move_to
from projections.engine.write import Prepared, Record, prepare, write_prepared

Read = Callable[[Connection, int, int], Sequence[Record]]
"""`(connection, after, limit)`: the facts behind a position, in order, without gaps; fewer than `limit` only at the log's end."""


class LogTooShort(Exception):
    """The read models stand at a position that the log does not have: it is another log, or an older copy."""


def replay(conn: Connection, read: Read, projections: Sequence[Projection], after: int, upto: int, *, page: int = 5000,
           reader: Connection | None = None) -> int:
    """Bring the facts from behind `after` up to `upto` into the tables on the search path, a transaction a page (savepoints, where
    the caller has one open). With a connection for the `reader` a page is read and prepared while the one before it is written.
    Returns how many (projection, fact) went into quarantine."""
    quarantined = 0
    steady(conn)
    with hurrying() as hurry:
        for prepared in pages(reader or conn, read, projections, after, upto, page, ahead=reader is not None):
            hurry.begin()
            with conn.transaction():
                if after == 0:
                    built.record(conn, projections)
                quarantined += write_prepared(conn, prepared)
                after = prepared.batch[-1].position
                move_to(conn, after)
    free(conn)
    return quarantined


def pages(conn: Connection, read: Read, projections: Sequence[Projection], after: int, upto: int, page: int, *, ahead: bool) -> Iterator[Prepared]:
    """Raises LogTooShort."""

    def get(after: int) -> Prepared:
        batch = read(conn, after, min(page, upto - after))
        if not batch:
            raise LogTooShort(f"the read models stand at {upto}, the log ends at {after}")
        return prepare(projections, batch)

    with ThreadPoolExecutor(1, "replay") as thread:
        coming: Future[Prepared] | None = None
        while after < upto:
            prepared = coming.result() if coming else get(after)
            after = prepared.batch[-1].position
            coming = thread.submit(get, after) if ahead and after < upto else None
            yield prepared
