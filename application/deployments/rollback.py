"""Going back: a new deployment of what ran before. The automatic one takes over its predecessor's place in the environment."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from application.deployments.create import CreateDeployment, Planner
from application.deployments.steps import Steps
from application.work import Work
from domain.deployment import decide
from domain.deployment.events import DeploymentCreated
from domain.deployment.model import Deployment
from domain.errors import NotFound
from domain.lane.events import Installed
from domain.lane.model import Lane
from domain.task.values import Source


@dataclass(frozen=True)
class RollBack:
    """`target_version_id` empty: what ran before."""

    deployment_id: str
    target_version_id: str = ""
    automatic: bool = True


async def make_rollback(planner: Planner, work: Work, command: RollBack, *, at: datetime, by: str, change_id: str = "") -> str:
    """Plan and start the way back; its id."""
    bad = await work.deployment(command.deployment_id)
    lane = await work.lane(bad.environment_id)
    created = msgspec.structs.replace(await way_back(planner, work, bad, lane, command, by=by), change_id=change_id, at=at)
    work.record(created, *decide.start_rollback(bad, created.stream, automatic=command.automatic, at=at, by=by))
    steps = Steps(work, at, by)
    if lane.holds(bad.id):
        place = lane.hand_over(bad.id, created.stream, tuple(app.id for app in created.applications), at=at, by=by)
        await steps.apply(created.stream, decide.start(await work.deployment(created.stream), place.number, at=at, by=by), place)
    else:
        await steps.start_or_queue(created.stream)
    return created.stream


async def way_back(planner: Planner, work: Work, bad: Deployment, lane: Lane, command: RollBack, *, by: str) -> DeploymentCreated:
    if command.target_version_id:
        return await to_version(planner, work, bad, lane, command.target_version_id, by=by)
    before = {app: found for app in bad.application_ids if (found := before_it(lane, bad, app))}
    if not before:
        raise NotFound(f"nothing of {bad.id} ran in this environment before: there is nothing to go back to")
    created = await plan(planner, work, bad, next(iter(before.values())).version_id, before, by=by)
    if len({found.version_id for found in before.values()}) == 1:
        return created
    apps = tuple(msgspec.structs.replace(app, source=source_from(before[app.id], app.repository)) for app in created.applications)
    mixed = msgspec.structs.replace(created.source, version_id="", git_tag="", git_commit="")
    return msgspec.structs.replace(created, applications=apps, source=mixed)


def before_it(lane: Lane, bad: Deployment, app: str) -> Installed | None:
    """What ran before it; None as well where that is too long ago to be remembered."""
    forgotten = bad.phase == "success" and not any(i.deployment_id == bad.id for i in lane.installed.get(app, ()))
    return None if forgotten else lane.before(app, bad.id)


async def to_version(planner: Planner, work: Work, bad: Deployment, lane: Lane, version: str, *, by: str) -> DeploymentCreated:
    """A version that a person named: its packages, where they are known; built anew, where not."""
    known = {app: found for app in bad.application_ids if (found := lane.installation(app, version))}
    return await plan(planner, work, bad, version, known, by=by, applications=bad.application_ids)


async def plan(planner: Planner, work: Work, bad: Deployment, version: str, installed: dict[str, Installed], *, by: str,
               applications: tuple[str, ...] = ()) -> DeploymentCreated:
    artifacts = {app: found.artifact for app, found in installed.items() if found.artifact}
    request = CreateDeployment(version, applications or tuple(installed), bad.environment_id, timeout=bad.plan.timeout)
    return await planner.plan(work, request, by=by, artifacts=artifacts, rollback_of=bad.id)


def source_from(found: Installed, repository: str) -> Source:
    return Source(version_id=found.version_id, repository=repository, git_tag=found.git_tag, git_commit=found.git_commit)


