"""One at a time: of all processes on one database, a loop runs in one. The others stand by, and one takes over when it is gone.

The lock is PostgreSQL's and belongs to a connection: it goes when its holder does, however that ends. A holder that has lost its
connection stops what it runs; in between two may run for some seconds, so what they do must bear that.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from adapters.runtime.ending import ended

PROCESSES, TIMERS, AUTO_DEPLOY = 7355611, 7355612, 7355614
"""The loops' advisory locks (7355609 and 7355610 are the migration's and the rebuild's)."""
SOON, EVERY = 0.02, 1.0
"""Seconds between tries to get the lock: first, then doubled up to this (a holder that has just lost its connection is gone in a moment);
and between looks whether it is still ours."""
KEEPALIVE: dict[str, int] = {"connect_timeout": 5, "keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 3, "tcp_user_timeout": 15_000}
SERVER_KEEPALIVE = "set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 3; set tcp_keepalives_count = 3"
"""A holder whose machine is gone without a word loses the lock within a quarter of a minute."""
logger = logging.getLogger(__name__)
Connection = psycopg.AsyncConnection[Any]


async def alone(conninfo: str, lock: int, run: Callable[[], Awaitable[None]]) -> None:
    """Wait until no other process runs under this lock, then run. Raises what `run` raises; psycopg's errors when the lock is lost:
    `run` has been stopped then."""
    async with await psycopg.AsyncConnection.connect(make_conninfo(conninfo, application_name="tiangong turn", **KEEPALIVE), autocommit=True) as conn:
        await conn.execute(SERVER_KEEPALIVE)
        pause = SOON
        while not await _taken(conn, lock):  # the lock's holder is another process: there is nothing to wait for
            await asyncio.sleep(pause)
            pause = min(pause * 2, EVERY)
        doing = asyncio.ensure_future(run())
        holding = asyncio.create_task(_hold(conn))
        try:
            first, _ = await asyncio.wait({doing, holding}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await ended((doing, holding))
        for task in first:
            task.result()


async def _taken(conn: Connection, lock: int) -> bool:
    """A look now and then instead of a wait in the database: a statement that runs for days keeps dead rows from being cleared away."""
    row = await (await conn.execute("select pg_try_advisory_lock(%s)", (lock,))).fetchone()
    return bool(row and row[0])


async def _hold(conn: Connection) -> None:
    """Raises when the connection, and the lock with it, is lost."""
    while True:
        await asyncio.sleep(EVERY)
        async with asyncio.timeout(EVERY * 15):
            await conn.execute("select 1")
