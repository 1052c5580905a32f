"""The deployment's verbs, as people use them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from application.applications import must_be_as_seen
from application.caller import Caller
from application.deployments.create import CreateDeployment, Planner
from application.deployments.rollback import RollBack, make_rollback
from application.deployments.steps import Steps
from application.house import Done, House
from application.work import Work
from domain.deployment import decide, editing
from domain.deployment.values import TaskSpec
from domain.errors import Refused
from domain.event import Event, Json

CANCELLED = "Deployment cancelled by user"


@dataclass(frozen=True)
class EditedTask:
    """A task as somebody wants it in the workflow; a new one has no id, or one of the caller's choosing that others may name:
    it then gets one of ours."""

    id: str
    type: str
    name: str
    application_id: str = ""
    depends_on: tuple[str, ...] = ()
    config: Json | None = None
    require_confirm: bool | None = None


class Deployments:
    def __init__(self, house: House, planner: Planner) -> None:
        self._house, self._planner = house, planner

    async def create(self, caller: Caller, command: CreateDeployment) -> Done:
        """Plan it; then start it, unless a person must agree first or it is not to start by itself."""

        async def act(work: Work) -> str:
            created = await self._planner.plan(work, command, by=caller.actor.id)
            work.record(created)
            await Steps(work, created.at, caller.actor.id).begin(created.stream)
            return created.stream

        return await self._house.run(caller, "deployment:create", act, command)

    async def execute(self, caller: Caller, id: str) -> Done:
        """Start one that waits to be started."""

        async def act(work: Work, steps: Steps) -> None:
            await steps.start_or_queue(id)

        return await self._act(caller, "deployment:execute", id, act)

    async def cancel(self, caller: Caller, id: str, reason: str = CANCELLED) -> Done:
        async def act(work: Work, steps: Steps) -> None:
            await steps.apply(id, decide.cancel(await work.deployment(id), reason, at=self._house.clock(), by=caller.actor.id))

        return await self._act(caller, "deployment:cancel", id, act, reason)

    async def confirm(self, caller: Caller, id: str, decision: Literal["continue", "rollback"], reason: str) -> Done:
        """A person's word: go on, or leave it and go back. What is not to start by itself still waits for `execute`."""

        async def act(work: Work, steps: Steps) -> None:
            before = await work.deployment(id)
            await steps.apply(id, decide.confirm(before, decision, reason, at=self._house.clock(), by=caller.actor.id))
            if decision == "rollback":
                await steps.stop_active(id, f"rolled back by decision: {reason}")
            elif before.deadline is None and before.plan.auto_start:
                await steps.start_or_queue(id)

        return await self._act(caller, "deployment:confirm", id, act, (decision, reason))

    async def retry(self, caller: Caller, id: str, tasks: tuple[str, ...] = ()) -> Done:
        """Run the failed tasks (all, or these) again as new attempts."""

        async def act(work: Work, steps: Steps) -> None:
            at, by = self._house.clock(), caller.actor.id
            d = await work.deployment(id)
            decide.must_be_retryable(d, tasks)
            lane = await work.lane(d.environment_id)
            decide.must_stand_as_it_left(d, lane.overtaken(d.application_ids, d.release_number))
            if behind := lane.in_the_way_of(id, d.application_ids):
                raise Refused(f"{behind[0]} is in the environment: retry when it is over", behind=list(behind))
            beside: list[Event] = [lane.ask(d.environment_id, id, d.application_ids, at=at, by=by)]
            if d.plan.rollback_of:
                undone = await work.deployment(d.plan.rollback_of)
                beside += decide.start_rollback(undone, id, automatic=False, at=at, by=by)
            await steps.apply(id, decide.retry(d, tasks, lane.number + 1, at=at, by=by), *beside)

        return await self._act(caller, "deployment:retry", id, act, tasks)

    async def rollback(self, caller: Caller, id: str, target_version_id: str = "") -> Done:
        """A new deployment of the version before (or of the one named), which undoes this one."""

        async def act(work: Work) -> str:
            return await make_rollback(self._planner, work, RollBack(id, target_version_id, automatic=False), at=self._house.clock(),
                                       by=caller.actor.id)

        return await self._house.run(caller, "deployment:rollback", act, (id, target_version_id))

    async def edit(self, caller: Caller, id: str, tasks: tuple[EditedTask, ...], expected: int | None = None) -> Done:
        """Another workflow."""

        async def act(work: Work, steps: Steps) -> None:
            d = await work.deployment(id)
            must_be_as_seen(d.version, expected)
            old = {task.id: task for task in d.tasks}
            ids = {task.id: task.id if task.id in old else self._house.new_id("task") for task in tasks if task.id}
            specs = tuple(edited(task, old.get(task.id), ids, d.application_ids[0], self._house.new_id) for task in tasks)
            work.record(*editing.edit(d, specs, at=self._house.clock(), by=caller.actor.id))

        return await self._act(caller, "deployment:edit", id, act, [asdict(task) for task in tasks])

    async def _act(self, caller: Caller, action: str, id: str, act: Callable[[Work, Steps], Awaitable[None]], asked: object = None) -> Done:
        async def run(work: Work) -> str:
            await work.deployment(id)
            await act(work, Steps(work, self._house.clock(), caller.actor.id))
            return id

        return await self._house.run(caller, action, run, (id, asked))


def edited(task: EditedTask, old: TaskSpec | None, ids: Mapping[str, str], application: str, new_id: Callable[[str], str]) -> TaskSpec:
    """What is left out stays as it was. `ids`: the callers' ids → ours; a task's id is a stream's id, so nobody chooses it."""
    return TaskSpec(
        id=ids.get(task.id) or new_id("task"), type=task.type, name=task.name, depends_on=tuple(ids.get(d, d) for d in task.depends_on),
        application_id=task.application_id or (old.application_id if old else application),
        config=task.config if task.config is not None else old.config if old else {},
        require_confirm=task.require_confirm if task.require_confirm is not None else bool(old and old.require_confirm))
