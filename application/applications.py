"""What people may do with applications."""

from dataclasses import dataclass, replace
from datetime import datetime

from application.caller import Caller
from application.house import Done, House
from application.ports.catalog import Catalog
from application.ports.secrets import Secrets
from application.settings import conceal, without_secrets
from application.work import Work
from domain.application.events import ApplicationCreated
from domain.application.values import KEYS, NUMBERS, SECRETS
from domain.errors import Invalid, Refused
from domain.event import Json


@dataclass(frozen=True)
class CreateApplication:
    name: str
    repository: str
    type: str
    config: Json


@dataclass(frozen=True)
class ChangeApplication:
    """What is None stays as it is. `expected`: the version the caller has seen, or None."""

    id: str
    name: str | None = None
    type: str | None = None
    config: Json | None = None
    expected: int | None = None


class Applications:
    def __init__(self, house: House, secrets: Secrets, catalog: Catalog) -> None:
        self._house, self._secrets, self._catalog = house, secrets, catalog

    async def create(self, caller: Caller, command: CreateApplication) -> Done:
        async def decide(work: Work) -> str:
            id, at, by = self._house.new_id("app"), self._house.clock(), caller.actor.id
            await must_name_environments(work, command.config)
            name = await work.name("application", command.name)
            claimed = name.claim("application", command.name, id, at=at, by=by)
            config = await conceal(command.config, {}, KEYS, NUMBERS, SECRETS, self._secrets)
            work.record(ApplicationCreated(stream=id, version=1, at=at, by=by, name=command.name, repository=command.repository,
                                           type=command.type, config=config), claimed)
            return id

        return await self._house.run(caller, "application:create", decide, replace(command, config=without_secrets(command.config, SECRETS)))

    async def change(self, caller: Caller, command: ChangeApplication) -> Done:
        async def decide(work: Work) -> str:
            at, by = self._house.clock(), caller.actor.id
            app = await work.application(command.id)
            must_be_as_seen(app.version, command.expected)
            await must_name_environments(work, command.config or {})
            new_name = command.name or app.name
            config = app.config
            if command.config is not None:
                config = await conceal(command.config, app.config, KEYS, NUMBERS, SECRETS, self._secrets)
            work.record(*app.change(new_name, command.type or app.type, config, at=at, by=by))
            if new_name != app.name:
                await rename(work, "application", app.name, new_name, app.id, at=at, by=by)
            return app.id

        return await self._house.run(caller, "application:update", decide, replace(command, config=without_secrets(command.config or {}, SECRETS)))

    async def delete(self, caller: Caller, id: str) -> Done:
        async def decide(work: Work) -> str:
            at, by = self._house.clock(), caller.actor.id
            app = await work.application(id)
            if users := await self._catalog.used_by(id):
                raise Refused(f"application {app.name} is in use", used_by=users)
            name = await work.name("application", app.name)
            work.record(app.delete(at=at, by=by), *name.free(at=at, by=by))
            return id

        return await self._house.run(caller, "application:delete", decide, id)


async def must_name_environments(work: Work, config: Json) -> None:
    """`auto_deploy` lists environments that exist."""
    listed = config.get("auto_deploy", [])
    if not isinstance(listed, list) or not all(isinstance(id, str) for id in listed):
        raise Invalid("auto_deploy is a list of environment ids", field="config.auto_deploy")
    for id in listed:
        await work.environment(id)


def must_be_as_seen(version: int, expected: int | None) -> None:
    if expected is not None and expected != version:
        raise Refused("somebody has changed it since you read it: read it again", current=version, etag=f'"{version}"')


async def rename(work: Work, kind: str, old: str, new: str, owner: str, *, at: datetime, by: str) -> None:
    before, after = await work.name(kind, old), await work.name(kind, new)
    work.record(after.claim(kind, new, owner, at=at, by=by), *before.free(at=at, by=by))

