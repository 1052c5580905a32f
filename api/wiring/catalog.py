"""The catalog port, answered by the read models."""

from psycopg_pool import AsyncConnectionPool

from application.ports.catalog import Listed
from application.ports.log import LogUnavailable
from projections import queries
from projections.engine.positions import Positions

PATIENCE, SOON = 10.0, 5.0
"""Seconds to wait for the read models to reach a position; and where a caller waits for the answer (GitHub hangs up after ten)."""


class ReadModelCatalog:
    def __init__(self, pool: AsyncConnectionPool, positions: Positions) -> None:
        self._pool, self._positions = pool, positions

    async def applications(self, position: int) -> list[Listed]:
        await self._reach(position, PATIENCE)
        rows = await queries.live_applications(self._pool)
        return [Listed(row["id"], row["repository"], tuple(row["config"].get("auto_deploy", ()))) for row in rows]

    async def tags(self, repository: str) -> list[str]:
        await self._reach(await self._end_of_log(), SOON)
        return await queries.tags_of(self._pool, repository)

    async def used_by(self, id: str) -> list[str]:
        await self._reach(await self._end_of_log(), SOON)
        return await queries.used_by(self._pool, id)

    async def tokens(self, user: str) -> list[str]:
        await self._reach(await self._end_of_log(), SOON)
        return await queries.tokens_in_use(self._pool, user)

    async def reached(self, position: int) -> None:
        await self._reach(position, PATIENCE)

    async def _end_of_log(self) -> int:
        """What was decided a moment ago counts: a tag that has been given is not given again, what was just begun needs its version."""
        async with self._pool.connection() as conn:
            row = await (await conn.execute("select position from log.stored_events_head")).fetchone()
        return int(row[0]) if row else 0

    async def _reach(self, position: int, patience: float) -> None:
        if not await self._positions.wait(position, patience):
            raise LogUnavailable(f"the read models have not reached position {position} within {patience:g} s")
