"""The steps that several commands share: start or queue, release tasks, stop what runs, and what follows when a deployment is over.

Each writes all streams that the step concerns (Deployment, Task, Lane) into the one append of its command, so that no process
can die between them.
"""

from collections.abc import Iterable
from datetime import datetime

from application.work import Work
from domain.deployment import decide
from domain.deployment.events import (
    DeploymentCancelled,
    DeploymentConfirmed,
    DeploymentRetried,
    DeploymentStarted,
    TaskConfirmedInDeployment,
    TaskSucceededInDeployment,
)
from domain.deployment.model import Deployment
from domain.event import Event
from domain.lane.events import Installed, LaneEntered
from domain.task import model as task_model
from domain.task.events import TaskCancelled

RELEASING = (DeploymentStarted, DeploymentConfirmed, DeploymentRetried, TaskSucceededInDeployment, TaskConfirmedInDeployment)


class Steps:
    """The steps of one command: at one instant, by one actor."""

    def __init__(self, work: Work, at: datetime, by: str) -> None:
        self._work, self._at, self._by = work, at, by

    async def begin(self, id: str) -> None:
        """What follows upon the plan: a person is asked, or it starts, or it waits to be started."""
        d = await self._work.deployment(id)
        if d.plan.manual_approval:
            self._work.record(*decide.ask_for_approval(d, at=self._at, by=self._by))
        elif d.plan.auto_start:
            await self.start_or_queue(id)

    async def start_or_queue(self, id: str) -> None:
        """Enter the environment and begin; or wait for those who are before it."""
        d = await self._work.deployment(id)
        decide.must_be_startable(d)
        lane = await self._work.lane(d.environment_id)
        place = lane.ask(d.environment_id, id, d.application_ids, at=self._at, by=self._by)
        if isinstance(place, LaneEntered):
            await self.apply(id, decide.start(d, place.number, at=self._at, by=self._by), place)
        elif not lane.knows(id):
            self._work.record(*decide.queue(d, place.behind, at=self._at, by=self._by), place)

    async def apply(self, id: str, events: Iterable[Event], *beside: Event) -> None:
        """Record a deployment's facts and all that follows from them in other streams. `beside`: what comes with the first of them."""
        for event in events:
            self._work.record(event, *beside)
            beside = ()
            if isinstance(event, RELEASING):
                await self._release(id, event.released)
            elif isinstance(event, DeploymentCancelled):
                await self._stop_active(id, "the deployment was cancelled")
        await self._leave_when_over(id)

    async def _release(self, id: str, tasks: Iterable[str]) -> None:
        d = await self._work.deployment(id)
        for task_id in tasks:
            task, job = await self._work.find(task_id) if d.retried else None, d.job(task_id)  # a first release needs no look
            if task is None:
                self._work.record(task_model.release(task_id, job, at=self._at, by=self._by))
            else:
                self._work.record(task.release_again(job, at=self._at, by=self._by))

    async def _stop_active(self, id: str, reason: str) -> None:
        """Ask what runs to stop; what nobody has begun is over at once."""
        d = await self._work.deployment(id)
        for task_id in d.active:
            task = await self._work.task(task_id)
            event = task.cancel(reason, at=self._at, by=self._by) if task.is_open else None
            self._work.record(event)
            if isinstance(event, TaskCancelled):
                d = await self._work.deployment(id)
                self._work.record(*decide.task_cancelled(d, task_id, True, event.message, began=False, at=self._at, by=self._by))

    async def stop_active(self, id: str, reason: str) -> None:
        await self._stop_active(id, reason)
        await self._leave_when_over(id)

    async def _leave_when_over(self, id: str) -> None:
        """Free the environment, unless a rollback is to take over the place; and tell the deployment that this one undoes."""
        d = await self._work.deployment(id)
        lane = await self._work.lane(d.environment_id)
        if not d.is_quiet or d.rolls_back or not lane.knows(id):
            return
        installed = left_running(d) if d.phase == "success" else ()
        self._work.record(lane.leave(id, installed, at=self._at, by=self._by))
        if d.plan.rollback_of:
            await self._tell_the_undone(d)

    async def _tell_the_undone(self, rollback: Deployment) -> None:
        undone = await self._work.deployment(rollback.plan.rollback_of)
        if rollback.phase == "success":
            self._work.record(*decide.rolled_back(undone, rollback.id, at=self._at, by=self._by))
        else:
            error = rollback.failing or f"the rollback was {rollback.phase}"
            self._work.record(*decide.rollback_failed(undone, rollback.id, error, at=self._at, by=self._by))


def left_running(d: Deployment) -> tuple[Installed, ...]:
    """What a successful deployment left running: one entry for each application it deployed."""
    deployed = {task.application_id for task in d.tasks if task.type == "deploy"}
    return tuple(
        Installed(application_id=app, deployment_id=d.id, version_id=d.source(app).version_id, git_tag=d.source(app).git_tag,
                  git_commit=d.source(app).git_commit, artifact=d.artifacts.get(app))
        for app in d.application_ids if app in deployed)
