"""The catalog port, answered by the read models."""

from psycopg_pool import AsyncConnectionPool

from application.ports.catalog import Listed
from application.ports.log import LogUnavailable
from projections import queries
from projections.engine.positions import Positions

PATIENCE = 10.0
"""Seconds to wait for the read models to reach a position."""


class ReadModelCatalog:
    def __init__(self, pool: AsyncConnectionPool, positions: Positions) -> None:
        self._pool, self._positions = pool, positions

    async def applications(self, position: int) -> list[Listed]:
        if not await self._positions.wait(position, PATIENCE):
            raise LogUnavailable(f"the read models have not reached position {position} within {PATIENCE:g} s")
        rows = await queries.live_applications(self._pool)
        return [Listed(row["id"], row["repository"], tuple(row["config"].get("auto_deploy", ()))) for row in rows]

    async def tags(self, repository: str) -> list[str]:
        return await queries.tags_of(self._pool, repository)

    async def used_by(self, id: str) -> list[str]:
        return await queries.used_by(self._pool, id)
