"""What the doors know of the database's driver: the pool's type, the errors that mean "away for the moment", and one way to ask."""

from typing import Any

from psycopg import AsyncConnection, InterfaceError, OperationalError
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

__all__ = ["AWAY", "Pool", "execute", "first"]

Pool = AsyncConnectionPool[AsyncConnection[Any]]
AWAY = (OperationalError, InterfaceError, PoolTimeout, PoolClosed)


async def first(pool: Pool, statement: str, parameters: tuple[object, ...] = ()) -> tuple[Any, ...] | None:
    """The first row, as a tuple whatever rows the pool makes; None if there is none. One transaction."""
    async with pool.connection() as conn, conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(statement.encode(), parameters)
        return await cursor.fetchone()


async def execute(pool: Pool, statement: str, parameters: tuple[object, ...] = ()) -> int:
    """Run a statement in a transaction of its own; how many rows it concerned."""
    async with pool.connection() as conn:
        return (await conn.execute(statement.encode(), parameters)).rowcount
