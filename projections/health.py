"""How the read models are: how far they have come, and what they could not take."""

from psycopg_pool import AsyncConnectionPool

from projections.engine.listing import Row, fetch


async def position(pool: AsyncConnectionPool) -> int:
    """Of the last fact that is in the read models."""
    found = await fetch(pool, "select position from positions where name = 'views'")
    return int(found[0]["position"]) if found else 0


async def quarantined(pool: AsyncConnectionPool) -> list[Row]:
    """The facts that a projection could not take, oldest first: `projection`, `position`, `stream`, `topic`, `error`, `at`."""
    return await fetch(pool, "select projection, position, stream, topic, error, at from quarantine order by position, projection limit 1000")
