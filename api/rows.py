"""Single rows for answers to commands: those who ask at the same time are answered by one query."""

from collections.abc import Sequence
from functools import partial

from api.database import Pool
from api.reading import Kind, Row, found
from application.together import Together
from domain.access import Actor, require
from projections.engine.listing import View


class Rows:
    """Of one event loop."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._views: dict[str, Together[str, Row | None]] = {}

    async def one(self, actor: Actor, kind: Kind, id: str) -> Row:
        """As `Reading.one`, now or a moment later. Others may be handed the same row: it is not to be changed."""
        require(actor, kind.action)
        return found(await self._one(kind, id), kind.singular, id)

    async def _one(self, kind: Kind, id: str) -> Row | None:
        if kind.view is None:
            return await kind.one(self._pool, id)
        if kind.plural not in self._views:
            self._views[kind.plural] = Together(partial(self._read, kind.view))
        return await self._views[kind.plural].get(id)

    async def _read(self, view: View, ids: Sequence[str]) -> dict[str, Row | None]:
        rows = {row["id"]: row for row in await view.by_ids(self._pool, ids)}
        return {id: rows.get(id) for id in ids}
