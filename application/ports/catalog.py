"""The port to what is known across streams. It answers from the read model, as of a log position at least."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Listed:
    id: str
    repository: str
    auto_deploy: tuple[str, ...]
    """Environment ids that get each new version of the repository."""


class Catalog(Protocol):
    async def applications(self, position: int) -> list[Listed]:
        """All applications that are in use, as of `position` at least."""

    async def tags(self, repository: str) -> list[str]:
        """The tags of a repository's known versions. Any spelling of the repository will do."""

    async def used_by(self, id: str) -> list[str]:
        """Ids of unfinished deployments, and of lanes, that need this version, application or environment."""

    async def tokens(self, user: str) -> list[str]:
        """Ids of a user's tokens that are not revoked."""

    async def reached(self, position: int) -> None:
        """Return once the read models hold everything up to this position. Raises LogUnavailable."""
