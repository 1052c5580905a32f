"""What is done outside the log when somebody is forgotten. Each part may be done again."""

from collections.abc import Collection
from dataclasses import dataclass

from application.ports.answers import Answers
from application.ports.catalog import Catalog
from application.ports.people import People


@dataclass(frozen=True)
class Erasing:
    people: People
    answers: Answers
    catalog: Catalog

    async def erase(self, ids: Collection[str]) -> None:
        """From here on nothing opens what the log holds of them."""
        await self.people.erase(ids)

    async def sweep(self, position: int) -> None:
        """Drop the kept answers once no new one can name who was forgotten at this position. Raises LogUnavailable."""
        await self.catalog.reached(position)
        await self.answers.drop()
