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
        return []
