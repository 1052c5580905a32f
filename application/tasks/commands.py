"""The task's verbs, as people use them."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from application.caller import Caller
from application.deployments.commands import Deployments
from application.deployments.steps import Steps
from application.house import Done, House
from application.work import Work
from domain.access import require
from domain.deployment import decide
from domain.deployment.model import Deployment
from domain.errors import NotFound, Refused
from domain.task.events import TaskCancelled


class Tasks:
    """A task is addressed with its deployment, because before its release only the deployment knows it. Each answers with the task's id."""

    def __init__(self, house: House, deployments: Deployments) -> None:
        self._house, self._deployments = house, deployments

    async def retry(self, caller: Caller, deployment: str, id: str) -> Done:
        require(caller.actor, "task:retry")
        must_have(await Work(self._house.log, self._house.cache).deployment(deployment), id)
        return replace(await self._deployments.retry(caller, deployment, (id,)), id=id)

    async def cancel(self, caller: Caller, deployment: str, id: str, reason: str) -> Done:
        """Stop one task; its deployment then fails for want of it."""

        async def act(work: Work) -> str:
            at, by = self._house.clock(), caller.actor.id
            d = await work.deployment(deployment)
            must_have(d, id)
            must_have_been_released(d, id)
            event = (await work.task(id)).cancel(reason, at=at, by=by)
            work.record(event)
            if isinstance(event, TaskCancelled):
                await Steps(work, at, by).apply(deployment, decide.task_cancelled(d, id, True, event.message, began=False, at=at, by=by))
            return id

        return await self._house.run(caller, "task:cancel", act, (id, reason))

    async def confirm(self, caller: Caller, deployment: str, id: str, decision: Literal["continue", "rollback"], reason: str) -> Done:
        """Let a held task run or refuse it; or decide about one whose deadline has passed, or which is out of sight."""

        async def act(work: Work) -> str:
            at, by = self._house.clock(), caller.actor.id
            d = await work.deployment(deployment)
            must_have(d, id)
            if d.states[id] == "held":
                await Steps(work, at, by).apply(deployment, decide.confirm_task(d, id, decision, reason, at=at, by=by))
            else:
                await self._decide_about_running(work, d, id, decision, reason, at, by)
            return id

        return replace(await self._house.run(caller, "task:confirm", act, (id, decision, reason)), id=id)

    @staticmethod
    async def _decide_about_running(work: Work, d: Deployment, id: str, decision: Literal["continue", "rollback"], reason: str,
                                    at: datetime, by: str) -> None:
        """Giving up stops the work first: what is put back must not meet it on the target."""
        must_have_been_released(d, id)
        task = await work.task(id)
        work.record(task.confirm(decision, reason, at + timedelta(seconds=task.job.timeout), at=at, by=by))
        if decision == "rollback":
            work.record((await work.task(id)).cancel(f"given up by decision: {reason}", at=at, by=by))
            await Steps(work, at, by).apply(d.id, decide.give_up_task(d, id, reason, at=at, by=by))


def must_have(d: Deployment, task: str) -> None:
    if task not in d.states:
        raise NotFound(f"there is no task {task} in {d.id}")


def must_have_been_released(d: Deployment, task: str) -> None:
    if d.states[task] == "held":
        raise Refused(f"{task} waits for a decision: confirm or refuse it")
    if d.states[task] == "blocked":
        raise Refused(f"{task} has not come to run yet: edit the workflow, or cancel {d.id}")
