"""The projector: takes the log's facts in order and moves all read models together, position and tables in one transaction."""

import logging
from collections.abc import Sequence

import psycopg

from projections.engine import built
from projections.engine.connections import Connection, connect, steady
from projections.engine.oneway import OneWay, Ready
from projections.engine.projection import Projection
from projections.engine.quick import statements_of
from projections.engine.write import UNFIT, Prepared, Record, effects, explain, prepare, write, write_prepared

CHANNEL = "projected"
QUICK = 32
"""So many facts are sooner in the tables with one way to the server and back; more of them folded, and by COPY."""
ALONE = 20
CLAIM = b"""
with moved as (update positions set position = $2::bigint where name = 'views' and position = $1::bigint returning 1)
select case count(*) when 1 then 1 else ('the read models stand elsewhere, moved: ' || count(*))::int end from moved"""
"""Takes the lock and moves the position. Where the tables do not stand at $1 this is an error, and with it all that was sent along is refused."""
ANNOUNCE = f"select pg_notify('{CHANNEL}', position::text) from positions where name = 'views'".encode()
"""It says what is true, whatever became of the transaction before it."""
logger = logging.getLogger(__name__)


class OutOfStep(Exception):
    """The batch does not follow what the tables hold: begin again behind `Projector.position`."""


class Projector:
    """Any number may run: the position's row is the lock, and who comes second finds the work done. It belongs to one thread. `alone`: after so
    many batches that nobody else had begun, nobody else is expected."""

    def __init__(self, conninfo: str, projections: Sequence[Projection], *, alone: int = ALONE) -> None:
        self.quarantined = 0
        """How many (projection, fact) this one has put aside."""
        self.conninfo, self._projections = conninfo, tuple(projections)
        self._conn: Connection | None = None
        self._oneway: OneWay | None = None
        self._alone, self._undisturbed = alone, 0
        self._fresh = True
        """Nothing has been brought into the tables over this connection yet."""

    @property
    def position(self) -> int:
        """Of the last fact that is in the tables."""
        return stands_at(self._connection())

    def prepare(self, batch: Sequence[Record]) -> Prepared:
        """Of a batch to apply: what needs no database, and may be done in any thread."""
        return prepare(self._projections, batch)

    def apply(self, batch: Sequence[Record] | Prepared) -> int:
        """Bring facts that follow one another into the tables, unless another projector was faster; return the position then.
        Raises OutOfStep, or psycopg's errors where the database is away or too busy: nothing of the batch is in the tables then,
        or all of it is; in both cases the same batch may be applied again."""
        try:
            conn = self._connection()
            position = self._apply(conn, batch)
            if self._fresh and not self._undisturbed:  # the connection before stored it after this one was made, and may not have announced it
                self._announce(conn, position)
            self._fresh = False
            return position
        except (psycopg.OperationalError, psycopg.InterfaceError):
            self.close()
            raise

    def close(self) -> None:
        if self._conn is not None:
            self._conn.close()
            self._conn = self._oneway = None
            self._undisturbed = 0

    def _apply(self, conn: Connection, batch: Sequence[Record] | Prepared) -> int:
        if self._oneway and self._undisturbed >= self._alone and not isinstance(batch, Prepared) and is_small(batch):
            try:
                return self._quickly(self._oneway, batch)
            except UNFIT as error:
                logger.debug("%d facts are written the sure way: %s", len(batch), explain(error))
        return self._surely(conn, batch)

    def _quickly(self, oneway: OneWay, batch: Sequence[Record]) -> int:
        """One way to the server and back, in the hope that the tables stand where the batch begins and that nothing is wrong with any of its
        facts. Where it raises UNFIT nothing of it is in the tables."""
        first, last = ends(batch)
        found = effects(self._projections, batch)
        claim = Ready(CLAIM, (b"%d" % (first - 1), b"%d" % last))
        oneway.run((claim, *statements_of(oneway, found)), (Ready(ANNOUNCE),))
        self.quarantined += sum(bool(effect.poison) for effect in found)
        return last

    def _surely(self, conn: Connection, batch: Sequence[Record] | Prepared) -> int:
        records = batch.batch if isinstance(batch, Prepared) else batch
        with conn.transaction():
            position = stands_at(conn, lock=True)
            new = following(records, position)
            self._undisturbed = self._undisturbed + 1 if new and len(new) == len(records) else 0
            if not new:
                return position
            if position == 0:
                built.record(conn, self._projections)
            if isinstance(batch, Prepared) and len(new) == len(records):
                quarantined = write_prepared(conn, batch)
            else:
                quarantined = write(conn, self._projections, new)
            move_to(conn, new[-1].position)
        self.quarantined += quarantined
        self._announce(conn, new[-1].position)
        return new[-1].position

    def _announce(self, conn: Connection, position: int) -> None:
        """Behind the transaction: inside it, NOTIFY would make the commits of the whole database wait for one another."""
        conn.execute("select pg_notify(%s, %s)", (CHANNEL, str(position)))

    def _connection(self) -> Connection:
        if self._conn is None:
            self._conn = connect(self.conninfo)
            steady(self._conn)
            self._conn.execute("set synchronous_commit = off")  # what a crash of the server takes away comes again from the log
            self._oneway, self._fresh = OneWay(self._conn), True
            if position := stands_at(self._conn):  # the connection before may have broken between a commit and its notice
                self._announce(self._conn, position)
        return self._conn


def stands_at(conn: Connection, *, lock: bool = False) -> int:
    """The position of the tables on the search path."""
    found = conn.execute("select position from positions where name = 'views'" + (" for update" if lock else "")).fetchone()
    if found is None:
        raise OutOfStep("the read models have no position: run the migration")
    return int(found[0])


def move_to(conn: Connection, position: int) -> None:
    conn.execute("update positions set position = %s where name = 'views'", (position,))


def following(batch: Sequence[Record], position: int) -> Sequence[Record]:
    """The part of the batch that comes after the position."""
    if not batch:
        return batch
    first, _ = ends(batch)
    if first > position + 1:
        raise OutOfStep(f"the tables stand at {position}, the batch begins at {first}")
    return batch[max(0, position + 1 - first):]


def is_small(batch: Sequence[Record]) -> bool:
    """And not the very first: then there is more to do."""
    return 0 < len(batch) <= QUICK and batch[0].position > 1


def ends(batch: Sequence[Record]) -> tuple[int, int]:
    """Its first position and its last."""
    first, last = batch[0].position, batch[-1].position
    if last - first != len(batch) - 1:
        raise ValueError(f"a batch must be without gaps: {len(batch)} facts from {first} to {last}")
    return first, last
