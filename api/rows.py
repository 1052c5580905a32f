"""Single rows for answers to commands: those who ask at the same time are answered by one query."""

import asyncio
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

    def wanted(self, actor: Actor, kind: Kind, id: str) -> "Wanted":
        """Raises Forbidden."""
        require(actor, kind.action)
        if kind.view and kind.plural not in self._views:
            self._views[kind.plural] = Together(partial(self._read, kind.view))
        return Wanted(self._pool, self._views.get(kind.plural), kind, id)

    async def _read(self, view: View, ids: Sequence[str]) -> dict[str, Row | None]:
        rows = {row["id"]: row for row in await view.by_ids(self._pool, ids)}
        return {id: rows.get(id) for id in ids}


class Wanted:
    """A row that somebody will ask for: by `ask` as soon as it can be there, or else when he wants to have it."""

    def __init__(self, pool: Pool, together: Together[str, Row | None] | None, kind: Kind, id: str) -> None:
        self._pool, self._together, self._kind, self._id = pool, together, kind, id
        self._answer: asyncio.Future[Row | None] | None = None

    def ask(self) -> None:
        if self._together and self._answer is None:
            self._answer = self._together.ask(self._id)

    async def row(self) -> Row:
        """As `Reading.one`, now or a moment later. Others may be handed the same row: it is not to be changed."""
        self.ask()
        return found(await (self._answer or self._kind.one(self._pool, self._id)), self._kind.singular, self._id)
