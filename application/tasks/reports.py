"""What those who run a task report: that they begin, that they lost sight, how it ended. An outcome and what it releases are one append."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from application.caller import Caller, process
from application.deployments.steps import Steps
from application.house import Done, House
from application.ports.log import Cause
from application.work import Work
from domain.deployment import decide
from domain.errors import DomainError
from domain.event import Json
from domain.task.events import TaskCancelled, TaskFailed, TaskSucceeded, TaskTakenOver
from domain.task.model import Task
from domain.task.values import Artifact

GRACE = 120.0
"""Seconds after a job's own timeout until the stored deadline asks a person: whoever runs it has stopped it by then, or is gone."""


@dataclass(frozen=True)
class Holding:
    """A worker's hold on an attempt."""

    task: Task
    token: int
    taken_over: bool
    """Somebody had begun before: look before doing anything."""
    cause: Cause
    """Where it was taken: what is reported follows from that."""

    @property
    def attempt(self) -> int:
        return self.task.attempt


class Reports:
    def __init__(self, house: House) -> None:
        self._house = house

    async def begin(self, task_id: str, attempt: int, lease: str, worker: str) -> Holding | None:
        """State the intent and take hold; None if the attempt is not open any more."""
        caller = process("worker", f"{task_id}-{attempt}/begin/{lease}").following(await self._house.log.cause(task_id))

        async def act(work: Work) -> str:
            task = await work.task(task_id)
            if task.attempt == attempt and task.is_open:
                at = self._house.clock()
                work.record(task.begin(worker, at + timedelta(seconds=task.job.timeout + GRACE), at=at, by=caller.actor.id))
            return task_id

        done = await self._house.run(caller, "task:work", act)
        if not done.events:
            return None
        task = await self.look(task_id)
        begun = done.events[0]
        if getattr(begun, "token", None) != task.token:
            return None
        return Holding(task, task.token, isinstance(begun, TaskTakenOver), caller.as_cause)

    async def look(self, task_id: str) -> Task:
        """The task as it stands in the log now."""
        return await Work(self._house.log, self._house.cache).task(task_id)

    async def succeed(self, held: Holding, result: Json) -> Done:
        async def act(work: Work) -> str:
            at, by = self._house.clock(), caller.actor.id
            task = await work.task(held.task.id)
            event = task.succeed(held.attempt, held.token, result, at=at, by=by)
            work.record(event)
            if isinstance(event, TaskSucceeded):
                await self._verify_version(work, task, result, at, by)
                d = await work.deployment(task.job.deployment_id)
                await Steps(work, at, by).apply(d.id, decide.task_succeeded(d, task.id, artifact_in(result), at=at, by=by))
            return task.id

        caller = self._caller(held, "succeed")
        return await self._house.run(caller, "task:work", act)

    async def _verify_version(self, work: Work, task: Task, result: Json, at: datetime, by: str) -> None:
        """A build has read tag and commit back from the repository."""
        commit = result.get("git_commit")
        if isinstance(commit, str) and task.job.source.version_id:
            try:
                version = await work.version(task.job.source.version_id)
            except DomainError:  # deleted since: there is nothing to verify
                return
            work.record(*version.verify(commit, at=at, by=by))

    async def fail(self, held: Holding, error: str, result: Json) -> Done:
        async def act(work: Work) -> str:
            return await self._failed(work, held, error, result, self._house.clock(), caller.actor.id)

        caller = self._caller(held, "fail")
        return await self._house.run(caller, "task:work", act)

    @staticmethod
    async def _failed(work: Work, held: Holding, error: str, result: Json, at: datetime, by: str) -> str:
        task = await work.task(held.task.id)
        event = task.fail(held.attempt, held.token, error, result, at=at, by=by)
        work.record(event)
        if isinstance(event, TaskFailed):
            d = await work.deployment(task.job.deployment_id)
            await Steps(work, at, by).apply(d.id, decide.task_failed(d, task.id, error, at=at, by=by))
        return task.id

    async def cancelled(self, held: Holding, stopped: bool, message: str) -> Done:
        """The attempt was to be stopped, and this came of it: it is cancelled; failed, where a person gave it up."""

        async def act(work: Work) -> str:
            at, by = self._house.clock(), caller.actor.id
            task = await work.task(held.task.id)
            if task.given_up:
                return await self._failed(work, held, f"{task.cancelling}; {message}", {"stopped": stopped}, at, by)
            event = task.cancelled(held.attempt, held.token, stopped, message, at=at, by=by)
            work.record(event)
            if isinstance(event, TaskCancelled):
                d = await work.deployment(task.job.deployment_id)
                await Steps(work, at, by).apply(d.id, decide.task_cancelled(d, task.id, stopped, message, at=at, by=by))
            return task.id

        caller = self._caller(held, "cancelled")
        return await self._house.run(caller, "task:work", act)

    async def lose_sight(self, held: Holding, reason: str) -> Done:
        async def act(work: Work) -> str:
            task = await work.task(held.task.id)
            work.record(task.lose_sight(held.attempt, held.token, reason, at=self._house.clock(), by=caller.actor.id))
            return task.id

        caller = self._caller(held, "lose_sight")
        return await self._house.run(caller, "task:work", act)

    @staticmethod
    def _caller(held: Holding, what: str) -> Caller:
        return process("worker", f"{held.task.id}-{held.attempt}-{held.token}/{what}").following(held.cause)


def artifact_in(result: Json) -> Artifact | None:
    """The package that a build reports."""
    found = result.get("artifact")
    return msgspec.convert(found, Artifact) if isinstance(found, dict) else None
