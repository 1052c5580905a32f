"""Runs the process managers over the log: each fact → wishes → handlers, in order; then the position is stored.

A crash repeats the facts since the last stored position; every command has an id made of process and position, so that a
repetition is known. A refusal is an answer and is kept for show; an error of the infrastructure is waited out; any other error
is tried a few times, then kept for show, so that one bad fact does not stop the house.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from psycopg import OperationalError
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from adapters.runtime.following import Batch
from application.caller import Caller, process
from application.ports.log import LogUnavailable
from application.processes.wishes import Wish
from domain.errors import DomainError
from domain.event import Event
from domain.recorded import Recorded

logger = logging.getLogger(__name__)
TRIES = 4
AWAY = (LogUnavailable, OperationalError, PoolTimeout)
Fulfil = Callable[[Wish, Caller, int], Awaitable[None]]


class ProcessRunner:
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
            if isinstance(recorded, Recorded):
                await self._react(recorded)
        await self._store_position(batch[-1].position)

    async def _react(self, recorded: Recorded) -> None:
        for name, react in self._processes.items():
            for number, wish in enumerate(react(recorded.event)):
                caller = process(name, f"{recorded.position}/{number}", correlation=recorded.origin.correlation, causation=recorded.command)
                await self._fulfil_somehow(wish, caller, name, recorded.position)

    async def _fulfil_somehow(self, wish: Wish, caller: Caller, name: str, position: int) -> None:
        tries = 0
        while True:
            try:
                await self._fulfil(wish, caller, position)
                return None
            except AWAY as error:
                logger.warning("%s waits at %d: %s", name, position, error)
            except DomainError as error:
                return await self._keep_for_show(name, position, wish, error)
            except Exception as error:
                tries += 1
                logger.exception("%s failed at %d on %s", name, position, wish)
                if tries >= TRIES:
                    return await self._keep_for_show(name, position, wish, error)
            await asyncio.sleep(min(0.25 * 2**tries, 2))

    async def _keep_for_show(self, name: str, position: int, wish: Wish, error: Exception) -> None:
        logger.warning("%s at %d: %s was not fulfilled: %s", name, position, wish, error)
        async with self._pool.connection() as conn:
            await conn.execute(
                "insert into ops.process_failures (process, position, wish, error) values (%s, %s, %s, %s) on conflict do nothing",
                (name, position, repr(wish), str(error)))

    async def _store_position(self, position: int) -> None:
        async with self._pool.connection() as conn:
            await conn.execute(
                "insert into ops.process_positions as p values (%s, %s) on conflict (name) do update "
                "set position = greatest(p.position, excluded.position)", (self._name, position))
        self.position = position
