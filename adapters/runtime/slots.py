"""How many attempts run side by side in one process."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """One that only waits steps aside meanwhile, so that hosts which cannot be reached keep nobody else from working."""

    def __init__(self, number: int = 4) -> None:
        self.free = number
        """That could be taken at this moment."""
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._owed = 0
        """Slots that their holders lost while they stood aside."""
        self.idle = False
        """As far as is known nobody waits in the queue for a slot: then what an end releases may be begun with it, and overtakes nobody."""

    async def take(self) -> None:
        if self.take_free(1):
            return
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled():
                self._release()  # it came in the moment when nobody wanted it any more
            raise

    def take_free(self, wanted: int) -> int:
        """Up to so many, without waiting; how many they are."""
        taken = min(wanted, self.free)
        self.free -= taken
        return taken

    def give(self, number: int = 1) -> None:
        for _ in range(number):
            if self._owed:
                self._owed -= 1
            else:
                self._release()

    def _release(self) -> None:
        while self._waiting:
            first = self._waiting.popleft()
            if not first.done():
                first.set_result(None)
                return
        self.free += 1

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[None]:
        """For a holder: others may have the slot until the block ends."""
        self._release()
        try:
            yield
            await self.take()
        except BaseException:
            self._owed += 1  # the holder ends without the slot, and gives it back all the same
            raise


class Hands:
    """A worker's hands as whoever tells ends sees them."""

    def __init__(self, slots: Slots, worker: str) -> None:
        self._slots, self._worker = slots, worker

    def room(self, own: int) -> "Room":
        return Room(self._slots, self._worker, own)


class Room:
    """For what `own` ends release: their own slots, and those that are free. Nothing while others wait for a slot: theirs comes first."""

    def __init__(self, slots: Slots, worker: str, own: int) -> None:
        self.worker = worker
        self._slots, self._own, self._more = slots, own, 0

    def take(self, wanted: int) -> int:
        self._slots.give(self._more)
        self._more = self._slots.take_free(max(wanted - self._own, 0)) if self._slots.idle else 0
        return min(wanted, self._own) + self._more if self._slots.idle else 0

    def keep(self, begun: int) -> None:
        self._more, more = min(max(begun - self._own, 0), self._more), self._more
        self._slots.give(more - self._more)
