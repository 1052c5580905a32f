"""A follower in a thread of its own that keeps what it sees."""

import threading
from typing import Self

from adapters.event_store.follower import Follower


class Tail:
    """What has been followed so far; the thread ends with the block. An error in it fails the block's end."""

    def __init__(self, follower: Follower) -> None:
        self.follower, self.stop = follower, threading.Event()
        self.positions: list[int] = []
        self.streams: list[tuple[str, int]] = []
        self.batches = 0
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            for batch in self.follower.batches(self.stop):
                self.batches += 1
                self.positions += [record.position for record in batch]
                self.streams += [(record.event.stream, record.event.version) for record in batch]
        except Exception as error:  # noqa: BLE001  # for the test's own thread
            self.error = error

    def close(self) -> None:
        self.stop.set()
        self._thread.join(10)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        if self.error:
            raise self.error
