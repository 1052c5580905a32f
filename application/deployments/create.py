"""Making a deployment: is it allowed, what exactly will run, and the plan for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from application.house import House
from application.ports.deployer import Deployer
from application.work import Work
from domain.deployment.events import DeploymentCreated
from domain.deployment.values import AppSnapshot
from domain.environment.model import Environment
from domain.errors import Invalid, Refused
from domain.strategies import standard
from domain.task.values import Artifact, Source, Target
from domain.version.model import Version
from domain.version.values import repository_key


@dataclass(frozen=True)
class CreateDeployment:
    """`must_in_order`: names or ids of applications."""

    version_id: str
    application_ids: tuple[str, ...]
    environment_id: str
    must_in_order: tuple[str, ...] = ()
    manual_approval: bool = False
    auto_start: bool = True
    timeout: float = 1800.0
    change_id: str = ""


class Planner:
    """From a request to the fact `deployment.created`."""

    def __init__(self, house: House, deployers: dict[str, Deployer]) -> None:
        self._house, self._deployers = house, deployers

    async def plan(self, work: Work, command: CreateDeployment, *, by: str, artifacts: dict[str, Artifact] | None = None,
                   rollback_of: str = "") -> DeploymentCreated:
        if not command.application_ids or len(set(command.application_ids)) < len(command.application_ids):
            raise Invalid("name each application once, and at least one", field="application_ids")
        version = await work.version(command.version_id)
        apps = tuple([await snapshot(work, id, version) for id in command.application_ids])
        target = self.target(await work.environment(command.environment_id))
        order = ids_of(command.must_in_order, apps)
        artifacts = artifacts or {}
        ids = [self._house.new_id("task") for _ in range(4 * len(apps))]
        return DeploymentCreated(
            stream=self._house.new_id("dep"), version=1, at=self._house.clock(), by=by, source=source_of(version), applications=apps, target=target,
            tasks=standard.plan(apps, target, ids, must_in_order=order, artifacts=artifacts), artifacts=artifacts, must_in_order=order,
            manual_approval=command.manual_approval, auto_start=command.auto_start, timeout=command.timeout, rollback_of=rollback_of,
            change_id=command.change_id)

    def target(self, env: Environment) -> Target:
        """The environment as a target, or why nothing can be deployed there."""
        if not env.is_active:
            raise Refused(f"environment {env.name} is not active")
        deployer = self._deployers.get(env.type)
        if deployer is None:
            raise Refused(f"this server cannot deploy to environments of type {env.type}")
        target = Target(environment_id=env.id, name=env.name, type=env.type, config=env.config)
        strategy = env.config.get("deployment_strategy", "all-at-once")
        if strategy != "all-at-once":
            raise Refused(f"strategy {strategy} cannot be carried out on environments of type {env.type} yet: use all-at-once")
        if missing := deployer.needs(target):
            raise Refused(f"environment {env.name} lacks {', '.join(missing)}", missing=list(missing))
        return target


async def snapshot(work: Work, id: str, version: Version) -> AppSnapshot:
    app = await work.application(id)
    if repository_key(app.repository) != repository_key(version.repository):
        raise Refused(f"application {app.name} belongs to {app.repository}, the version to {version.repository}")
    return AppSnapshot(id=app.id, name=app.name, repository=app.repository, config=app.config)


def source_of(version: Version) -> Source:
    return Source(version_id=version.id, repository=version.repository, git_tag=version.git_tag, git_commit=version.git_commit)


def ids_of(names: Sequence[str], apps: Sequence[AppSnapshot]) -> tuple[str, ...]:
    """Names or ids in, ids out."""
    known = {app.name: app.id for app in apps} | {app.id: app.id for app in apps}
    if strange := [name for name in names if name not in known]:
        raise Invalid(f"{strange[0]} is not one of the applications to deploy", field="must_in_order")
    ids = tuple(known[name] for name in names)
    if len(set(ids)) < len(ids):
        raise Invalid("an application has one place in the order", field="must_in_order")
    return ids
