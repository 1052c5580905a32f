"""A follower: everything in the log from a position on, in order, each once, whatever happens to its connection."""

import logging
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from adapters.event_store.connections import connect
from adapters.event_store.person_keys import ServerKey
from adapters.event_store.reading import Gap, read
from domain.recorded import Recorded, Unreadable

PAUSES = (0.01, 0.05, 0.2, 0.5, 1.0)
"""Seconds before it connects again; the last one repeats."""

logger = logging.getLogger(__name__)
Batch = list[Recorded | Unreadable]
Near = Callable[[int], list[Any]]


class Follower:
    """`position`: the last one that has been dealt with. `batch`: the most events at once. `idle`: seconds after which it looks, and
    yields, also without news. `key`: the server's; it opens people's names, which are hidden without. `near`: what is known here of the
    facts that follow upon a position; where that is nothing, they are read. Any number of followers may read one log; each belongs to
    one thread."""

    def __init__(self, conninfo: str, position: int, batch: int = 500, *, idle: float = 0.5, key: ServerKey | None = None,
                 near: Near = lambda position: []) -> None:
        self.position = position
        """Of the last event that was yielded and dealt with: it moves when the next batch is asked for."""
        self.reconnects = 0
        self._conninfo, self._batch, self._idle, self._key, self._near = conninfo, batch, idle, key, near

    def batches(self, stop: threading.Event) -> Generator[Batch, None, None]:
        """Batches in the log's order until `stop` is set, which it notices within `idle` seconds; an empty one where there is no news,
        or no database. Raises Gap, and what no new connection mends (a missing table, a missing right)."""
        failures = 0
        while not stop.is_set():
            try:
                for batch in self._connected(stop):
                    failures = 0
                    yield batch
                    if batch:
                        self.position = batch[-1].position
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                logger.warning("the follower at position %d lost the database and connects again: %s", self.position, error)
                self.reconnects += 1
                yield []
                stop.wait(PAUSES[min(failures, len(PAUSES) - 1)])
                failures += 1

    def _connected(self, stop: threading.Event) -> Iterator[Batch]:
        with connect(self._conninfo, "tiangong log follower") as conn:
            conn.execute("set enable_seqscan = off; set enable_bitmapscan = off; set enable_sort = off")  # see log.append
            conn.execute("listen stored_events")  # before the first read: nothing falls between the two
            self._check_end(conn)
            with ThreadPoolExecutor(1, "tiangong log reader") as reader:
                batch, near = read(conn, self.position, self._batch, self._key), False
                while not stop.is_set():
                    full = len(batch) == self._batch and not near
                    coming = reader.submit(read, conn, batch[-1].position, self._batch, self._key) if full else None  # while this one is dealt with
                    yield batch
                    if coming is None:
                        for _ in conn.notifies(timeout=0 if near else self._idle, stop_after=1):
                            pass  # where facts were near, there may be others behind them whose notice has been taken with theirs
                    known = [] if coming else self._near(self.position)
                    batch, near = coming.result() if coming else known or read(conn, self.position, self._batch, self._key), bool(known)

    def _check_end(self, conn: psycopg.Connection) -> None:
        head = conn.execute("select position from log.stored_events_head").fetchone()
        if head is None or head[0] < self.position:
            raise Gap(f"the log ends at {head and head[0]}, before position {self.position} that was read: it is another log, or an older copy")
