"""What processes do with deployments: let the next one in, go back by itself, ask a person when a deadline has passed."""

from datetime import datetime

from application.caller import Caller
from application.deployments.create import Planner
from application.deployments.rollback import RollBack, make_rollback
from application.deployments.steps import Steps
from application.house import Done, House
from application.ports.log import Cause
from application.work import Work
from domain.deployment import decide
from domain.errors import DomainError


class Driving:
    def __init__(self, house: House, planner: Planner) -> None:
        self._house, self._planner = house, planner

    async def admit(self, caller: Caller, environment: str) -> list[Done]:
        """Start those who wait for an environment and have nobody before them any more: each in an append of its own, which follows from
        what made it wait, not from whoever left."""
        lane = await Work(self._house.log, self._house.cache).lane(environment)
        return [await self._admit(caller.step(id).following(await self._house.log.cause(id)), environment, id)
                for id in (place.deployment_id for place in lane.admissible())]

    async def _admit(self, caller: Caller, environment: str, id: str) -> Done:
        async def act(work: Work) -> str:
            lane = await work.lane(environment)
            if any(place.deployment_id == id for place in lane.admissible()):
                await Steps(work, self._house.clock(), caller.actor.id).start_or_queue(id)
            return id

        return await self._house.run(caller, "deployment:drive", act)

    async def roll_back(self, caller: Caller, id: str) -> Done:
        """Put back what ran before a failed deployment; where that cannot be, say so and free the environment."""

        async def act(work: Work) -> str:
            at, by = self._house.clock(), caller.actor.id
            d = await work.deployment(id)
            if not d.rolls_back or d.rollback_id:
                return id
            try:
                return await make_rollback(self._planner, work, RollBack(id), at=at, by=by)
            except DomainError as error:
                work.reset()
                return await self._give_up(work, id, error.message, at, by)

        return await self._house.run(caller, "deployment:drive", act)

    @staticmethod
    async def _give_up(work: Work, id: str, error: str, at: datetime, by: str) -> str:
        d = await work.deployment(id)
        await Steps(work, at, by).apply(id, decide.no_way_back(d, error, at=at, by=by))
        return id

    async def is_open(self, stream: str) -> bool:
        """Whether a deployment or a task has not ended."""
        found = await Work(self._house.log, self._house.cache).find(stream)
        return found is not None and bool(found.is_open)

    async def cause(self, stream: str) -> Cause | None:
        """What happened last to a thing: what a timer does about it follows from that."""
        return await self._house.log.cause(stream)

    async def pass_deadline(self, caller: Caller, id: str, due: datetime) -> Done:
        async def act(work: Work) -> str:
            d = await work.deployment(id)
            work.record(*decide.pass_deadline(d, due, at=self._house.clock(), by=caller.actor.id))
            return id

        return await self._house.run(caller, "deployment:drive", act)

    async def pass_task_deadline(self, caller: Caller, id: str, due: datetime) -> Done:
        async def act(work: Work) -> str:
            task = await work.task(id)
            work.record(task.pass_deadline(due, at=self._house.clock(), by=caller.actor.id))
            return id

        return await self._house.run(caller, "deployment:drive", act)
