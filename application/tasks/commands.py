"""The task's verbs, as people use them."""

from datetime import timedelta
from typing import Literal

from application.caller import Caller
from application.deployments.commands import Deployments
from application.deployments.steps import Steps
from application.house import Done, House
from application.work import Work
from domain.deployment import decide
from domain.deployment.model import Deployment
from domain.errors import NotFound
from domain.task.events import TaskCancelled


class Tasks:
    """A task is addressed with its deployment, because before its release only the deployment knows it."""

    def __init__(self, house: House, deployments: Deployments) -> None:
        self._house, self._deployments = house, deployments

    async def retry(self, caller: Caller, deployment: str, id: str) -> Done:
        return await self._deployments.retry(caller, deployment, (id,))

    async def cancel(self, caller: Caller, deployment: str, id: str, reason: str) -> Done:
        """Stop one task; its deployment then fails for want of it."""

        async def act(work: Work) -> str:
            at, by = self._house.clock(), caller.actor.id
            must_have(await work.deployment(deployment), id)
            event = (await work.task(id)).cancel(reason, at=at, by=by)
            work.record(event)
            if isinstance(event, TaskCancelled):
                d = await work.deployment(deployment)
                await Steps(work, at, by).apply(deployment, decide.task_cancelled(d, id, True, event.message, at=at, by=by))
            return id

        return await self._house.run(caller, "task:cancel", act, (id, reason))

    async def confirm(self, caller: Caller, deployment: str, id: str, decision: Literal["continue", "rollback"], reason: str) -> Done:
        """Let a held task run or refuse it; or decide about one whose deadline has passed."""

        async def act(work: Work) -> str:
            at, by = self._house.clock(), caller.actor.id
            d = await work.deployment(deployment)
            must_have(d, id)
            steps = Steps(work, at, by)
            if d.states[id] == "held":
                await steps.apply(deployment, decide.confirm_task(d, id, decision, reason, at=at, by=by))
                return id
            task = await work.task(id)
            work.record(task.confirm(decision, reason, at + timedelta(seconds=task.job.timeout), at=at, by=by))
            if decision == "rollback":
                task = await work.task(id)
                error = f"given up by decision: {reason}"
                work.record(task.fail(task.attempt, task.token, error, {}, at=at, by=by))
                await steps.apply(deployment, decide.task_failed(d, id, error, at=at, by=by))
            return id

        return await self._house.run(caller, "task:confirm", act, (id, decision, reason))


def must_have(d: Deployment, task: str) -> None:
    if task not in d.states:
        raise NotFound(f"there is no task {task} in {d.id}")
