"""Telling the log what came of an attempt: until it takes it, and in words that can be stored."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar
from weakref import WeakValueDictionary

from application.house import Contended
from application.ports.executor import Outcome
from application.ports.log import Cause, LogUnavailable
from application.tasks.reports import Holding, Reports, Room
from domain.errors import DomainError
from domain.event import Json

logger = logging.getLogger(__name__)
AGAIN = 1.0
"""Seconds between tries."""
T = TypeVar("T")
Key = tuple[str, Cause]
"""A deployment, and what led to the ends: what has these in common may be one command."""
Ended = tuple[Holding, Json, "asyncio.Future[list[Holding]]"]


class Hands(Protocol):
    """A worker's own: `room(n)` for what n ends release, those who have ended included."""

    def room(self, own: int) -> Room: ...


class NoRoom:
    """Whatever an end releases is left to the queue."""

    worker = ""

    def room(self, own: int) -> "NoRoom":
        return self

    def take(self, wanted: int) -> int:
        return 0

    def keep(self, begun: int) -> None:
        return


class Telling:
    """Each word is one command with an id of its own, so that telling it again changes nothing."""

    def __init__(self, reports: Reports, hands: Hands | None = None) -> None:
        self._reports, self._hands = reports, hands or NoRoom()
        self._waiting: dict[Key, list[Ended]] = {}
        self._flights: dict[Key, asyncio.Task[None]] = {}
        self._held: Counter[Key] = Counter()
        """How many are under way that may end together."""
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """By deployment. Ends with other causes write the same stream: one by one they would outrun many again and again."""

    @contextmanager
    def expecting(self, held: Holding) -> Iterator[None]:
        """There is one more that will end."""
        key = key_of(held)
        self._held[key] += 1
        try:
            yield
        finally:
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]

    async def ended(self, held: Holding, outcome: Outcome) -> list[Holding]:
        """An end that cannot be stored as it is, is told in other words: an attempt without an end would be taken up again for ever.
        Answers what was begun with it, in its place."""
        try:
            return await self._tell(held, outcome)
        except Exception as error:
            logger.exception("the end of %s cannot be recorded", held.task.key)
            return await self._tell(held, Outcome("failed", f"it ended as {outcome.state}, and that cannot be recorded: {str(error)!a}"))

    async def stopped(self, held: Holding, seen: bool, message: str) -> None:
        """`seen`: nothing runs any more."""
        await self._patiently(lambda: self._reports.cancelled(held, seen, message))

    async def out_of_sight(self, held: Holding, reason: str) -> None:
        """A notice, no end: whoever looks must not fail for want of it."""
        try:
            await self._patiently(lambda: self._reports.lose_sight(held, reason))
        except DomainError as error:
            logger.warning("%s is out of sight, which could not be noted: %s", held.task.key, error)

    async def _tell(self, held: Holding, outcome: Outcome) -> list[Holding]:
        if outcome.state == "succeeded":
            return await self._succeeded(held, outcome.result)
        await self._patiently(lambda: self._reports.fail(held, outcome.error or f"ended as {outcome.state}", outcome.result))
        return []

    async def _succeeded(self, held: Holding, result: Json) -> list[Holding]:
        """Together with all that ends in the same moment, or while the last ones are being told; at once where there is nobody else."""
        key = key_of(held)
        if self._held[key] == 1 and key not in self._flights:
            return await self._told([(held, result)])
        answer: asyncio.Future[list[Holding]] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append((held, result, answer))
        if key not in self._flights:
            self._flights[key] = asyncio.create_task(self._fly(key), name=f"ends in {key[0]}")
        return await answer

    async def _fly(self, key: Key) -> None:
        try:
            while ends := self._waiting.pop(key, None):
                await self._tell_all(ends)
        finally:
            del self._flights[key]

    async def _tell_all(self, ends: list[Ended]) -> None:
        """What was begun with them goes to the first of them one by one, the rest to the last."""
        try:
            begun = await self._told([(held, result) for held, result, _ in ends])
        except Exception as error:  # noqa: BLE001  # whoever waits hears of it
            if len(ends) > 1:  # one of them cannot be stored: each by itself
                for one in ends:
                    await self._tell_all([one])
            else:
                answer(ends[0], error)
            return
        for number, end in enumerate(ends, 1):
            answer(end, begun[number - 1:number] if number < len(ends) else begun[number - 1:])

    async def _told(self, ends: Sequence[tuple[Holding, Json]]) -> list[Holding]:
        """What was begun with them."""
        async with self._turns.setdefault(ends[0][0].task.job.deployment_id, asyncio.Lock()):
            room, begun = self._hands.room(len(ends)), list[Holding]()
            try:
                begun = await self._patiently(lambda: self._reports.succeed_all(ends, room))
            finally:
                room.keep(len(begun))
            return begun

    @staticmethod
    async def _patiently(report: Callable[[], Awaitable[T]]) -> T:
        """The outcome must not be lost because the database is away; whoever waits for us to end cuts it short."""
        while True:
            try:
                return await report()
            except (LogUnavailable, Contended) as error:
                logger.warning("the log does not take it yet, reporting again: %s", error)
                await asyncio.sleep(AGAIN)


def key_of(held: Holding) -> Key:
    return held.task.job.deployment_id, held.cause


def answer(end: Ended, outcome: list[Holding] | Exception) -> None:
    _, _, waiting = end
    if waiting.done():  # nobody waits any more
        return
    if isinstance(outcome, Exception):
        waiting.set_exception(outcome)
    else:
        waiting.set_result(outcome)
