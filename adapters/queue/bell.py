"""Notice of new entries: one connection that listens for everybody who waits in this process."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import make_conninfo

from adapters.queue.statements import CHANNEL

NAME = "tiangong queue"
"""What the server's list of sessions shows."""
PAUSE = 0.2
"""Seconds between tries to connect."""
KEEPALIVE: dict[str, int] = {"connect_timeout": 5, "keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 3}
logger = logging.getLogger(__name__)


class Bell:
    """It begins to listen when somebody first waits, connects again whenever the connection breaks, and rings after that: what was put
    meanwhile was not heard."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = make_conninfo(conninfo, application_name=NAME, **KEEPALIVE)
        self._waiting: set[asyncio.Event] = set()
        self._listener: asyncio.Task[None] | None = None

    @contextmanager
    def rung(self) -> Iterator[asyncio.Event]:
        """An event that is set when it rings; its reader clears it before each look."""
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._listen(), name=NAME)
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            yield event
        finally:
            self._waiting.discard(event)

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
            self._listener = None

    async def _listen(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as conn:
                    await conn.execute(f"listen {CHANNEL}")
                    self._ring()
                    async for _ in conn.notifies():
                        self._ring()
            except psycopg.Error as error:
                logger.warning("the work queue listens again after: %s", error)
            await asyncio.sleep(PAUSE)

    def _ring(self) -> None:
        for event in self._waiting:
            event.set()
