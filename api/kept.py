"""What need not be asked again while nothing has happened: it is kept until the read models move, and for a second at most.

Every fact moves the read models, so nothing here is older than they are: a token that was revoked, a row that was changed by whatever process
is asked for anew as soon as its fact is there to be read; for tokens only facts about people count (`Positions.people`). The second bounds
what comes without a fact or a notice: a projector that stands still, tables that were made again, a token's last moment.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

from application.together import Together
from domain.access import Actor, require

V = TypeVar("V")
SECONDS, MOST, PATIENCE = 1.0, 200, 10.0
Ask = Callable[[], Awaitable[V | None]]
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
        self._asked: dict[Hashable, tuple[int, asyncio.Future[V | None]]] = {}
        self._questions: dict[Hashable, tuple[Moving, Ask[V]]] = {}
        self._together: Together[Hashable, V | Exception | None] = Together(self._ask)

    def __contains__(self, key: Hashable) -> bool:
        """It may be there."""
        return key in self._values or key in self._asked

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

    async def shared(self, key: Hashable, moving: Moving) -> V | None:
        """What somebody is asking for just now, who began where the read models still stand: not older than if we asked ourselves."""
        asked = self._asked.get(key)
        if asked is None or not moving.connected or asked[0] != moving.current:
            return None
        done, _ = await asyncio.wait({asked[1]}, timeout=PATIENCE)
        return asked[1].result() if done else None

    @contextmanager
    def sharing(self, key: Hashable, moving: Moving) -> Iterator[Callable[[V], None]]:
        """While it is asked for: whoever comes with the same key waits for what is told (or for the end, and asks then)."""
        asked = self._asked[key] = moving.current, asyncio.get_running_loop().create_future()
        begun = self.begin(moving)

        def tell(value: V) -> None:
            asked[1].set_result(value)
            self.put(key, value, moving, begun)

        try:
            yield tell
        finally:
            if self._asked.get(key) is asked:
                del self._asked[key]
            if not asked[1].done():
                asked[1].set_result(None)

    async def of(self, key: Hashable, moving: Moving, ask: Ask[V]) -> V | None:
        """What was kept, else what `ask` answers; None is not kept. Those who come with one key while it is asked for share the next
        answer: it is asked for after they came."""
        if (kept := self.get(key, moving)) is not None:
            return kept
        self._questions[key] = moving, ask
        found = await self._together.get(key)
        if isinstance(found, Exception):
            raise found
        return found

    async def _ask(self, keys: Sequence[Hashable]) -> dict[Hashable, V | Exception | None]:
        questions = [(key, *self._questions.pop(key)) for key in keys]
        return dict(zip(keys, await asyncio.gather(*(self._answer(*question) for question in questions)), strict=True))

    async def _answer(self, key: Hashable, moving: Moving, ask: Ask[V]) -> V | Exception | None:
        begun = self.begin(moving)
        try:
            value = await ask()
        except Exception as error:  # noqa: BLE001  # whatever it is, it is raised where this key was asked for, and nowhere else
            return error
        if value is not None:
            self.put(key, value, moving, begun)
        return value
