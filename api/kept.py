"""What need not be asked again while nothing has happened: it is kept until the read models move, and for a second at most.

Every fact moves the read models, so nothing here is older than they are: a token that was revoked, a row that was changed by whatever process
is asked for anew as soon as its fact is there to be read. The second bounds what comes without a fact or a notice: a projector that stands
still, tables that were made again, a token's last moment.
"""

import time
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

from domain.access import Actor, require

V = TypeVar("V")
SECONDS, MOST = 1.0, 200
Begun = tuple[int, float]
"""How far the read models had come, and until when a value may be kept."""


class Moving(Protocol):
    """How far the read models have come; `connected`: and whether we would hear of it."""

    @property
    def current(self) -> int: ...

    @property
    def connected(self) -> bool: ...


@dataclass(frozen=True)
class ListAnswer:
    """A list as it was printed, and what one must be allowed to do to see it."""

    action: str
    body: bytes
    route: object = None
    """That answered it."""

    def shown_to(self, actor: Actor) -> Self:
        """Raises Forbidden."""
        require(actor, self.action)
        return self


Words = tuple[str, bytes]
"""Path and query of a GET, as they were sent."""


def words_of(scope: Mapping[str, Any]) -> Words:
    return scope["path"], scope["query_string"]


class Kept(Generic[V]):
    def __init__(self, seconds: float = SECONDS, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._most, self._clock = seconds, most, clock
        self._position = -1
        self._values: dict[Hashable, tuple[float, V]] = {}

    def get(self, key: Hashable, moving: Moving) -> V | None:
        """What was kept, where it is as good as asking."""
        found = self._values.get(key)
        if found is None or not moving.connected or self._position != moving.current or found[0] < self._clock():
            return None
        return found[1]

    def begin(self, moving: Moving) -> Begun:
        """To be called before a value is asked for."""
        return moving.current, self._clock() + self._seconds

    def put(self, key: Hashable, value: V, moving: Moving, begun: Begun) -> None:
        """Keep it, unless the read models have moved on since it was asked for."""
        position, until = begun
        if position != moving.current:
            return
        if position != self._position or len(self._values) >= self._most:
            self._values.clear()
        self._position = position
        self._values[key] = until, value

    async def of(self, key: Hashable, moving: Moving, ask: Callable[[], Awaitable[V | None]]) -> V | None:
        """What was kept, else what `ask` answers; None is not kept."""
        if (kept := self.get(key, moving)) is not None:
            return kept
        begun = self.begin(moving)
        value = await ask()
        if value is not None:
            self.put(key, value, moving, begun)
        return value
