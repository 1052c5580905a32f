"""What people and processes may do with versions."""

from dataclasses import dataclass

from application.caller import Caller
from application.house import Done, House
from application.ports.catalog import Catalog
from application.work import Work
from domain.errors import Refused
from domain.version.events import VersionCreated
from domain.version.values import repository_key


@dataclass(frozen=True)
class CreateVersion:
    git_tag: str
    git_commit: str
    repository: str
    description: str = ""


class Versions:
    def __init__(self, house: House, catalog: Catalog) -> None:
        self._house, self._catalog = house, catalog

    async def create(self, caller: Caller, command: CreateVersion) -> Done:
        """A tag of a repository is one version: a second one is refused."""

        async def decide(work: Work) -> str:
            id, at, by = self._house.new_id("ver"), self._house.clock(), caller.actor.id
            tag = f"{repository_key(command.repository)}@{command.git_tag}"
            name = await work.name("version", tag)
            work.record(
                VersionCreated(stream=id, version=1, at=at, by=by, git_tag=command.git_tag, git_commit=command.git_commit,
                               repository=command.repository, description=command.description),
                name.claim("version", tag, id, at=at, by=by))
            return id

        return await self._house.run(caller, "version:create", decide, command)

    async def delete(self, caller: Caller, id: str) -> Done:
        async def decide(work: Work) -> str:
            at, by = self._house.clock(), caller.actor.id
            version = await work.version(id)
            if users := await self._catalog.used_by(id):
                raise Refused(f"version {version.git_tag} is in use", used_by=users)
            name = await work.name("version", f"{repository_key(version.repository)}@{version.git_tag}")
            work.record(version.delete(at=at, by=by), *name.free(at=at, by=by))
            return id

        return await self._house.run(caller, "version:delete", decide, id)
