"""What the writer's thread and an event loop share: the queue, the line, and who of them has the batch that is under way."""

import threading
from collections import deque
from collections.abc import Sequence
from enum import Enum

from adapters.event_store.batch import taken
from adapters.event_store.command import Command
from adapters.event_store.line import Line


class Driver(Enum):
    LOOP = "loop"
    THREAD = "thread"


class Desk:
    """`lock` guards everything here but the queue, to which anybody adds. Whoever sets `driver` back to None looks into the queue after that,
    and whoever adds to the queue looks at `driver` after that: so one of them sees the other."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.queue: deque[Command] = deque()
        self.line: Line | None = None
        self.driver: Driver | None = None
        self.batch: Sequence[Command] = ()
        """What the driver has under way."""
        self.number = 0
        """How many batches there were: one that stays the same for long has a driver that does not come back."""
        self.error: Exception | None = None
        """What the event loop met and leaves to the thread."""
        self.sent = False

    def begin(self, driver: Driver) -> bool:
        """Take a batch from the queue, if nothing is under way. With the lock held."""
        if self.driver is not None:
            return False
        self.batch = taken(self.queue)
        if not self.batch:
            return False
        self.driver, self.error, self.sent = driver, None, False
        self.number += 1
        return True

    def hand_over(self, error: Exception | None = None) -> None:
        """The thread goes on with the batch. With the lock held."""
        self.driver, self.error = Driver.THREAD, error

    def end(self) -> None:
        self.driver, self.batch, self.error = None, (), None
