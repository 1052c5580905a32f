"""The port to stored deadlines. A timer is a row: it survives a restart and fires at least once; who it calls knows what is already over."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Timer:
    id: str
    """One timer an id: setting it again moves it. `<stream>/<kind>`."""
    stream: str
    kind: str
    due: datetime
    tries: int = 0
    """How often what it calls has been begun without a known end."""


class Timers(Protocol):
    async def set(self, timer: Timer) -> None: ...

    async def cancel(self, id: str) -> None: ...

    async def change(self, set: Sequence[Timer], cancel: Collection[str]) -> None:
        """Many at once, in one commit; no timer is in both."""

    async def due(self, now: datetime, limit: int = 100) -> list[Timer]:
        """The timers that have come due, oldest first. They stay until cancelled."""

    async def next_due(self) -> datetime | None:
        """When the earliest timer comes due."""
