"""Deploying a version by itself: one deployment for each environment, with all applications that want it there."""

from application.caller import Caller
from application.deployments.create import CreateDeployment, Planner
from application.deployments.steps import Steps
from application.house import Done, House
from application.ports.catalog import Catalog
from application.work import Work
from domain.errors import DomainError, Refused
from domain.version.values import repository_key


class AutoDeploy:
    def __init__(self, house: House, planner: Planner, catalog: Catalog) -> None:
        self._house, self._planner, self._catalog = house, planner, catalog

    async def deploy(self, caller: Caller, version_id: str, position: int) -> list[Done]:
        """`position`: the version's own place in the log; what was configured before it counts. Refusals of one environment do not
        keep the others from theirs: they are raised together at the end."""
        version = await Work(self._house.log, self._house.cache).version(version_id)
        wanted: dict[str, list[str]] = {}
        for app in await self._catalog.applications(position):
            if repository_key(app.repository) == repository_key(version.repository):
                for environment in app.auto_deploy:
                    wanted.setdefault(environment, []).append(app.id)
        done: list[Done] = []
        refusals: list[DomainError] = []
        for environment, apps in wanted.items():
            try:
                done.append(await self._one(caller.step(environment), CreateDeployment(version_id, tuple(sorted(apps)), environment)))
            except DomainError as error:
                refusals.append(error)
        if refusals:
            why = "; ".join(refusal.message for refusal in refusals)
            raise Refused(f"{len(refusals)} of {len(wanted)} environments did not get {version.git_tag}: {why}")
        return done

    async def _one(self, caller: Caller, command: CreateDeployment) -> Done:
        async def act(work: Work) -> str:
            created = await self._planner.plan(work, command, by=caller.actor.id)
            work.record(created)
            await Steps(work, created.at, caller.actor.id).begin(created.stream)
            return created.stream

        asked = (command.version_id, command.environment_id)  # not the applications: a repetition may find more of them
        return await self._house.run(caller, "deployment:create", act, asked)
