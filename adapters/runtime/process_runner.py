"""Runs the process managers over the log: each fact → wishes → handlers, in order; then the position is stored.

A crash repeats the facts since the last stored position; every command has an id made of process and position, so that a
repetition is known. A refusal is an answer and is kept for show; an error of the infrastructure is waited out; any other error
is tried a few times, then kept for show, so that one bad fact does not stop the house.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from psycopg_pool import AsyncConnectionPool

from adapters.runtime.away import is_away
from adapters.runtime.following import Batch
from application.caller import Caller, process
from application.house import Contended
from application.processes.wishes import Wish
from domain.errors import DomainError
from domain.event import Event
from domain.recorded import Recorded, Unreadable

logger = logging.getLogger(__name__)
TRIES = 4
PAUSE, DOUBLINGS = 0.25, 3
"""Seconds between tries, and how often they double."""
LONGEST_WISH, LONGEST_ERROR = 500, 2000
"""Characters that are kept for show: the wish stands in an index, which has no room for any length."""
Fulfil = Callable[[Wish, Caller, int], Awaitable[None]]


class ProcessRunner:
    """Only one of a name may run at a time (see `alone`): a second one that lags behind would set timers that have been cancelled since.
    `name`: of the position that it stores."""

    def __init__(
        self, processes: Mapping[str, Callable[[Event], list[Wish]]], fulfil: Fulfil, pool: AsyncConnectionPool, name: str = "processes",
    ) -> None:
        self._processes, self._fulfil, self._pool, self._name = processes, fulfil, pool, name
        self.position = 0

    async def load_position(self) -> int:
        async with self._pool.connection() as conn:
            row = await (await conn.execute("select position from ops.process_positions where name = %s", (self._name,))).fetchone()
        self.position = row[0] if row else 0
        return self.position

    async def handle(self, batch: Batch) -> None:
        for recorded in batch:
            if isinstance(recorded, Unreadable):
                await self._keep_for_show(self._name, recorded.position, f"{recorded.topic} of {recorded.stream}", recorded.error)
            else:
                await self._react(recorded)
        await self._store_position(batch[-1].position)

    async def _react(self, recorded: Recorded) -> None:
        for name, react in self._processes.items():
            try:
                wishes = react(recorded.event)
            except Exception as error:
                logger.exception("%s does not understand what stands at %d", name, recorded.position)
                await self._keep_for_show(name, recorded.position, "", error)
                continue
            for number, wish in enumerate(wishes):
                caller = process(name, f"{recorded.position}/{number}", correlation=recorded.origin.correlation, causation=recorded.command)
                await self._fulfil_somehow(wish, caller, name, recorded.position)

    async def _fulfil_somehow(self, wish: Wish, caller: Caller, name: str, position: int) -> None:
        tries = 0
        while True:
            try:
                await self._fulfil(wish, caller, position)
                return None
            except Contended as error:
                logger.warning("%s waits at %d: %s", name, position, error)
            except DomainError as error:
                return await self._keep_for_show(name, position, repr(wish), error)
            except Exception as error:
                if is_away(error):
                    logger.warning("%s waits at %d: %s", name, position, error)
                else:
                    tries += 1
                    logger.exception("%s failed at %d on %s", name, position, wish)
                if tries >= TRIES:
                    return await self._keep_for_show(name, position, repr(wish), error)
            await asyncio.sleep(PAUSE * 2 ** min(tries, DOUBLINGS))

    async def _keep_for_show(self, name: str, position: int, wish: str, error: Exception | str) -> None:
        logger.warning("%s at %d: %s was not fulfilled: %s", name, position, wish, error)
        async with self._pool.connection() as conn:
            await conn.execute(
                "insert into ops.process_failures (process, position, wish, error) values (%s, %s, %s, %s) on conflict do nothing",
                (name, position, showable(wish, LONGEST_WISH), showable(str(error), LONGEST_ERROR)))

    async def _store_position(self, position: int) -> None:
        async with self._pool.connection() as conn:
            await conn.execute(
                "insert into ops.process_positions as p values (%s, %s) on conflict (name) do update "
                "set position = greatest(p.position, excluded.position)", (self._name, position))
        self.position = position


def showable(text: str, longest: int) -> str:
    """What PostgreSQL can keep of a text: no NUL, no half of a surrogate pair, and not too much."""
    return text[:longest].replace("\0", "\N{SYMBOL FOR NULL}").encode("utf-8", "backslashreplace").decode()
