"""What people may do with environments."""

from dataclasses import dataclass, replace

from application.applications import must_be_as_seen, rename
from application.caller import Caller
from application.house import Done, House
from application.ports.catalog import Catalog
from application.ports.deployer import Deployer, Health
from application.ports.secrets import Secrets, SecretUnreadable
from application.settings import conceal, without_secrets
from application.work import Work
from domain.access import require
from domain.config import masked, references
from domain.environment.events import EnvironmentCreated
from domain.environment.values import KEYS, NUMBERS, SECRETS, STRATEGIES
from domain.errors import Invalid, Refused
from domain.event import Json
from domain.task.values import Target


@dataclass(frozen=True)
class CreateEnvironment:
    name: str
    type: str
    config: Json
    is_active: bool = True


@dataclass(frozen=True)
class ChangeEnvironment:
    """What is None stays as it is; the settings must fit the type. `expected`: the version the caller has seen, or None."""

    id: str
    name: str | None = None
    type: str | None = None
    config: Json | None = None
    is_active: bool | None = None
    expected: int | None = None


class Environments:
    def __init__(self, house: House, secrets: Secrets, catalog: Catalog, deployers: dict[str, Deployer]) -> None:
        self._house, self._secrets, self._catalog, self._deployers = house, secrets, catalog, deployers

    async def create(self, caller: Caller, command: CreateEnvironment) -> Done:
        async def decide(work: Work) -> str:
            id, at, by = self._house.new_id("env"), self._house.clock(), caller.actor.id
            claimed = (await work.name("environment", command.name)).claim("environment", command.name, id, at=at, by=by)
            config = await self._conceal(command.type, command.config, {})
            work.record(EnvironmentCreated(stream=id, version=1, at=at, by=by, name=command.name, type=command.type, config=config,
                                           is_active=command.is_active), claimed)
            return id

        return await self._house.run(caller, "environment:create", decide, replace(command, config=without_secrets(command.config, SECRETS)))

    async def change(self, caller: Caller, command: ChangeEnvironment) -> Done:
        async def decide(work: Work) -> str:
            at, by = self._house.clock(), caller.actor.id
            env = await work.environment(command.id)
            must_be_as_seen(env.version, command.expected)
            kind, name = command.type or env.type, command.name or env.name
            wanted = command.config if command.config is not None or kind == env.type else masked(env.config)
            config = env.config if wanted is None else await self._conceal(kind, wanted, env.config)
            active = env.is_active if command.is_active is None else command.is_active
            work.record(*env.change(name, kind, config, active, at=at, by=by))
            if name != env.name:
                await rename(work, "environment", env.name, name, env.id, at=at, by=by)
            return env.id

        return await self._house.run(caller, "environment:update", decide, replace(command, config=without_secrets(command.config or {}, SECRETS)))

    async def delete(self, caller: Caller, id: str) -> Done:
        async def decide(work: Work) -> str:
            at, by = self._house.clock(), caller.actor.id
            env = await work.environment(id)
            if users := await self._catalog.used_by(id):
                raise Refused(f"environment {env.name} is in use", used_by=users)
            name = await work.name("environment", env.name)
            work.record(env.delete(at=at, by=by), *name.free(at=at, by=by))
            return id

        return await self._house.run(caller, "environment:delete", decide, id)

    async def check(self, caller: Caller, id: str) -> tuple[Health, Done]:
        """Ask the target how it is, and record the answer."""
        require(caller.actor, "environment:check")
        env = await Work(self._house.log, self._house.cache).environment(id)
        deployer = self._deployers.get(env.type)
        if deployer is None:
            raise Refused(f"this server cannot reach environments of type {env.type}")
        health = await self._health(deployer, Target(environment_id=id, name=env.name, type=env.type, config=env.config))

        async def decide(work: Work) -> str:
            found = await work.environment(id)
            work.record(found.observe(status_of(health), health.message, at=self._house.clock(), by=caller.actor.id))
            return id

        return health, await self._house.run(caller, "environment:check", decide, id)

    async def _health(self, deployer: Deployer, target: Target) -> Health:
        try:
            secrets = {f"environment.{key}": await self._secrets.get(ref) for key, ref in references(target.config).items()}
        except SecretUnreadable as error:
            return Health(False, str(error))
        return await deployer.check(target, secrets)

    async def _conceal(self, kind: str, config: Json, stored: Json) -> Json:
        if kind not in KEYS:
            raise Invalid(f"there is no environment type {kind!r}", field="type", known=sorted(KEYS))
        strategy = config.get("deployment_strategy", "all-at-once")
        if strategy not in STRATEGIES:
            raise Invalid(f"there is no deployment strategy {strategy!r}", field="config.deployment_strategy", known=sorted(STRATEGIES))
        return await conceal(config, stored, KEYS[kind], NUMBERS, SECRETS, self._secrets)


def status_of(health: Health) -> str:
    """`healthy`, `degraded` (something can be reached) or `unreachable`."""
    if health.healthy:
        return "healthy"
    return "degraded" if any(check.status == "ok" for check in health.checks) else "unreachable"
