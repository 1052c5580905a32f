"""What those who run a task report: that they begin, that they lost sight, how it ended. An outcome and what it releases are one append."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from application.caller import Caller, process
from application.deployments.steps import Steps
from application.house import Done, House
from application.ports.log import Cause
from application.ports.queue import Claim
from application.work import Work
from domain.deployment import decide
from domain.errors import DomainError
from domain.event import Event, Json
from domain.task.events import TaskCancelled, TaskFailed, TaskReleased, TaskStarted, TaskSucceeded, TaskTakenOver
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


class Room(Protocol):
    """What a worker has room for beside what it does."""

    @property
    def worker(self) -> str: ...

    def take(self, wanted: int) -> int:
        """So many tasks may be begun; of several calls the last one counts."""

    def keep(self, begun: int) -> None:
        """So many were begun in the end: what was taken beyond that is given back. To be called once, whatever came of it."""


class Reports:
    def __init__(self, house: House) -> None:
        self._house = house

    async def begin(self, task_id: str, attempt: int, lease: str, worker: str) -> Holding | None:
        """State the intent and take hold; None if the attempt is not open any more."""
        claim = Claim(task_id, attempt, lease)
        held = (await self.begin_all([claim], await self._house.log.cause(task_id), worker))[claim]
        return held if isinstance(held, Holding) else None

    async def begin_all(self, claims: Sequence[Claim], cause: Cause | None, worker: str) -> dict[Claim, Holding | Task | None]:
        """The same for what one command has released, in one append. A Task instead of a Holding: it came fresh from the queue, and
        somebody else has begun it already, in the append that released it."""
        names = "+".join(f"{claim.task}-{claim.attempt}/begin/{claim.lease}" for claim in claims)
        caller = once(names, cause)
        found: dict[Claim, Holding | Task | None] = {}

        async def act(work: Work) -> str:
            at = self._house.clock()
            for claim in claims:
                found[claim] = None
                task = await work.task(claim.task)
                if task.attempt != claim.attempt or not task.is_open:
                    continue
                found[claim] = task
                if not claim.fresh or task.state == "pending":
                    found[claim] = await begin(work, task, worker, caller.as_cause, at, caller.actor.id)
            return claims[0].task

        done = await self._house.run(caller, "task:work", act)
        if done.repeated:  # its first try was stored, and no answer came
            held = {hold.task.id: hold for hold in await self._still_held(done.events, caller.as_cause)}
            return {claim: held.get(claim.task) for claim in claims}
        return found

    async def _still_held(self, events: Sequence[Event], cause: Cause) -> list[Holding]:
        """Those of the holds stated before that nobody has taken over. Something may have been done under them: look first."""
        stated = [event for event in events if isinstance(event, TaskStarted | TaskTakenOver)]
        holds = [Holding(await self.look(event.stream), event.token, True, cause) for event in stated]
        return [held for held in holds if held.task.holds(held.attempt, held.token)]

    async def cause(self, task_id: str) -> Cause | None:
        """What happened last to a task: what is done about it follows from that."""
        return await self._house.log.cause(task_id)

    async def look(self, task_id: str) -> Task:
        """The task as it stands in the log now."""
        return await Work(self._house.log, self._house.cache).task(task_id)

    async def succeed(self, held: Holding, result: Json) -> Done:
        async def act(work: Work) -> str:
            await self._succeeded(work, held, result, self._house.clock(), caller.actor.id)
            return held.task.id

        caller = self._caller(held, "succeed")
        return await self._house.run(caller, "task:work", act)

    async def succeed_all(self, ends: Sequence[tuple[Holding, Json]], room: Room) -> list[Holding]:
        """Several ends of one deployment that follow from one cause, in one append; and with them the beginning of what they release, as
        far as there is room: nobody else is offered that. The same ends again are the same command."""
        names = "+".join(f"{held.task.id}-{held.attempt}-{held.token}" for held, _ in ends)
        caller = once(f"{names}/succeed", ends[0][0].cause)
        begun: list[Holding] = []

        async def act(work: Work) -> str:
            at, by = self._house.clock(), caller.actor.id
            for held, result in ends:
                await self._succeeded(work, held, result, at, by)
            released = [event.stream for event in work.events if isinstance(event, TaskReleased)]
            begun[:] = [await begin(work, await work.task(id), room.worker, caller.as_cause, at, by) for id in released[:room.take(len(released))]]
            return ends[0][0].task.id

        done = await self._house.run(caller, "task:work", act)
        return await self._begun_before(done, room, caller.as_cause) if done.repeated else begun

    async def _begun_before(self, done: Done, room: Room, cause: Cause) -> list[Holding]:
        """What a first try has begun, of which no answer came."""
        started = [event for event in done.events if isinstance(event, TaskStarted) and event.worker == room.worker]
        return await self._still_held(started[:room.take(len(started))], cause)

    async def _succeeded(self, work: Work, held: Holding, result: Json, at: datetime, by: str) -> None:
        task = await work.task(held.task.id)
        event = task.succeed(held.attempt, held.token, result, at=at, by=by)
        work.record(event)
        if isinstance(event, TaskSucceeded):
            await self._verify_version(work, task, result, at, by)
            d = await work.deployment(task.job.deployment_id)
            await Steps(work, at, by).apply(d.id, decide.task_succeeded(d, task.id, artifact_in(result), at=at, by=by))

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


async def begin(work: Work, task: Task, worker: str, cause: Cause, at: datetime, by: str) -> Holding:
    """Record the intent."""
    event = task.begin(worker, at + timedelta(seconds=task.job.timeout + GRACE), at=at, by=by)
    work.record(event)
    return Holding(await work.task(task.id), event.token, isinstance(event, TaskTakenOver), cause)


def once(what: str, cause: Cause | None) -> Caller:
    """Whoever calls has not done so before, or does not mind: the log knows the id anyway, so nobody need look for it first."""
    if cause is None:
        return process("worker", what, repeatable=False)
    return process("worker", what, correlation=cause.correlation, causation=cause.command, repeatable=False)


def artifact_in(result: Json) -> Artifact | None:
    """The package that a build reports."""
    found = result.get("artifact")
    return msgspec.convert(found, Artifact) if isinstance(found, dict) else None
