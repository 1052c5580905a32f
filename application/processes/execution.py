"""Doing a task on the outside: intent → apply → outcome, under a lease and a fencing token.

After a crash, an intent without an outcome is resolved by looking at the target, never by doing it again blindly: `observe`
says whether the work was never begun (`apply`), goes on (`apply` follows it), has ended, or was interrupted.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from application.ports.artifacts import ArtifactStore, StorageFailed
from application.ports.executor import Executor, Outcome, Receipt, Terminal, Transient
from application.ports.log import Cause
from application.ports.logs import TaskLog, TaskLogs
from application.ports.queue import Claim, Queue, kept_lease
from application.ports.secrets import Secrets, SecretUnreadable
from application.processes.telling import Hands, Telling
from application.tasks.reports import Holding, Reports
from domain.config import references
from domain.errors import DomainError, NotFound
from domain.task.model import Task

logger = logging.getLogger(__name__)
AGAIN = 0.01
"""Of a lease: between tries while nothing has begun."""


@dataclass(frozen=True)
class Times:
    """Seconds. The lease outlives several missed renewals; a cancel is noticed within one `watch`."""

    lease: float = 6.0
    watch: float = 1.0
    longest_pause: float = 15.0
    abort: float = 60.0


@dataclass(frozen=True)
class Begun:
    held: Holding
    claim: Claim


class Execution:
    def __init__(self, reports: Reports, executors: Mapping[tuple[str, str], Executor], logs: TaskLogs, artifacts: ArtifactStore, secrets: Secrets,
                 queue: Queue, worker: str, times: Times | None = None,
                 aside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext, hands: Hands | None = None) -> None:
        """`executors`: by (task type, environment type); an environment type of `*` stands for any. `aside`: entered while an attempt
        only waits, so that others may run meanwhile. `hands`: what the worker has room for when an end releases more."""
        self._reports, self._executors, self._logs, self._artifacts = reports, executors, logs, artifacts
        self._secrets, self._queue, self._worker, self._times = secrets, queue, worker, times or Times()
        self._telling, self._aside = Telling(reports, hands), aside

    async def run(self, claim: Claim) -> None:
        """Carry one claimed attempt to its end, or to the point where somebody else holds it."""
        for begun in await self.begin([claim]):
            await self.carry(begun)

    async def begin(self, claims: Sequence[Claim]) -> list[Begun]:
        """State the intents: one append for all that was released by one command. What is over by now leaves the queue, what is somebody
        else's is left to him. What cannot be begun stays in the queue; raises that only where nothing else was claimed with it."""
        causes: defaultdict[Cause | None, list[Claim]] = defaultdict(list)
        for claim in claims:
            causes[claim.cause or await self._reports.cause(claim.task)].append(claim)
        if len(causes) == 1:
            return await self._begin(claims, next(iter(causes)))
        return [begun for cause, some in causes.items() for begun in await self._begin_somehow(some, cause)]

    async def _begin_somehow(self, claims: Sequence[Claim], cause: Cause | None) -> list[Begun]:
        try:
            return await self._begin(claims, cause)
        except Exception:
            logger.exception("%s could not be begun; the lease runs out and it is taken up again", ", ".join(claim.task for claim in claims))
            return []

    async def _begin(self, claims: Sequence[Claim], cause: Cause | None) -> list[Begun]:
        try:
            found = await self._reports.begin_all(claims, cause, self._worker)
        except DomainError as error:
            if len(claims) > 1:  # one of them is in the way of the others
                return [begun for claim in claims for begun in await self._begin_somehow([claim], cause)]
            if not isinstance(error, NotFound):
                raise
            found = {claims[0]: None}  # the log does not know it: a leftover of another database
        for claim, held in found.items():
            if not isinstance(held, Holding):
                await self._let_go(claim, held)
        return [Begun(held, claim) for claim, held in found.items() if isinstance(held, Holding)]

    async def _let_go(self, claim: Claim, task: Task | None) -> None:
        """It is over (None), or somebody else's. Where that cannot be said the lease runs out, and the others that were claimed go on."""
        try:
            if task is None:
                await self._queue.done(claim)
            else:
                await self._queue.leave_to(claim, kept_lease(task.id, task.attempt, task.token), task.worker, self._times.lease)
        except Exception as error:  # noqa: BLE001  # the database is away
            logger.warning("%s is kept until its lease runs out: %s", claim.task, error)

    async def carry(self, begun: Begun, also: Callable[[Begun], None] = lambda begun: None) -> None:
        """An attempt to its end, then what its end has begun in its place, and so on. `also`: runs what there was room for besides.
        The queue loses its entry by the fact of the end."""
        todo: Begun | None = begun
        while todo is not None:
            following = [kept(held) for held in await self._hold(todo.held, todo.claim)]
            todo = following[0] if following else None
            for other in following[1:]:
                also(other)

    async def _hold(self, held: Holding, claim: Claim) -> list[Holding]:
        """What its end has begun."""
        with self._telling.expecting(held):
            secrets, log = await self._prepared(held)
            try:
                if isinstance(secrets, str):
                    return await self._telling.ended(held, Outcome("failed", secrets))
                return await self._race(held, claim, Receipt(held.task.key, held.task.job, secrets), log)
            finally:
                await self._logs.close(log)

    async def _prepared(self, held: Holding) -> tuple[dict[str, str] | str, TaskLog]:
        """Secrets (see `_plain`) and an open log. Nothing is done yet: where the database is away it is tried again, as long as the lease
        is ours. To break off would leave the attempt to whoever comes when that has run out."""
        deadline = asyncio.get_running_loop().time() + self._times.lease / 2
        while True:
            try:
                secrets = await self._plain(held)
                mask = () if isinstance(secrets, str) else tuple(secrets.values())
                return secrets, await self._logs.open(held.task.id, held.attempt, mask, fresh=not held.taken_over)
            except Exception as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                logger.warning("%s cannot begin yet: %s", held.task.id, error)
            await asyncio.sleep(self._times.lease * AGAIN)

    async def _race(self, held: Holding, claim: Claim, receipt: Receipt, log: TaskLog) -> list[Holding]:
        """The work on one side, the watch over lease, cancel and decisions on the other: whoever is first decides."""
        watching: asyncio.Task[str] | None = None
        doing, soon = begin(lambda: self._do(held, receipt, log), self._times.watch)
        try:
            await soon
            if not doing.done():
                watching = asyncio.create_task(self._watch(held, claim))
                await asyncio.wait({doing, watching}, return_when=asyncio.FIRST_COMPLETED)
            if watching is None or doing.done():
                await self._logs.close(log)  # first the words, then the end: a crash in between loses no line
                return await self._telling.ended(held, result_of(doing))
            verdict = watching.result()
            if verdict == "cancel":
                return await self._abort(held, claim, receipt, log, doing)
            log.line("another worker holds this attempt now" if verdict == "lost" else "the attempt was decided elsewhere", "warn")
            if verdict == "over":
                await self._queue.done(claim)
            return []
        finally:
            await stop(*filter(None, (doing, watching)))

    async def _do(self, held: Holding, receipt: Receipt, log: TaskLog) -> Outcome:
        """Until the outcome is known. What cannot be seen is reported unknown, and looked at again."""
        executor, pause, look = self._executor(held), 1.0, held.taken_over
        if executor is None:
            return Outcome("failed", f"nothing here can run {receipt.job.type} tasks on environments of type {receipt.job.target.type}")
        while True:
            try:
                outcome = await self._try(executor, receipt, log, look)
                if outcome is not None:
                    return await self._seen(held, outcome, log)
                look = False
            except Terminal as error:
                return Outcome("failed", str(error))
            except StorageFailed as error:
                return Outcome("failed", str(error))
            except Transient as error:
                log.line(f"out of sight: {error}; looking again", "warn")
                await self._telling.out_of_sight(held, str(error))
                async with self._aside():
                    await asyncio.sleep(min(max(error.retry_after, pause), self._times.longest_pause))
                pause, look = pause * 2, True

    async def _try(self, executor: Executor, receipt: Receipt, log: TaskLog, look: bool) -> Outcome | None:
        """None: nothing has begun, or it goes on, so `apply` is next."""
        if look:
            seen = await executor.observe(receipt, log)
            return None if seen.state in ("absent", "running") else seen
        artifact = receipt.job.artifact
        path = await asyncio.to_thread(self._artifacts.path, artifact.digest) if artifact and receipt.job.type == "deploy" else None
        return await executor.apply(Receipt(receipt.key, receipt.job, receipt.secrets, path), log)

    async def _seen(self, held: Holding, outcome: Outcome, log: TaskLog) -> Outcome:
        """A start without an end is reported unknown first; what was found by looking settles it."""
        if outcome.state != "interrupted":
            return outcome
        log.line(f"interrupted: {outcome.error}", "error")
        await self._telling.out_of_sight(held, "it was begun, and whoever did it is gone without an end")
        return Outcome("failed", f"interrupted: {outcome.error}", outcome.result)

    async def _watch(self, held: Holding, claim: Claim) -> str:
        """Ends with `cancel`, `over` (decided elsewhere) or `lost` (somebody else holds it). The token tells whose it is; a lease that ran
        out tells that it may be somebody else's in a moment. Where it never came from the queue, a claimer may be looking at it just now."""
        while True:
            try:
                if not await self._queue.renew(claim, self._times.lease) and not claim.kept:
                    return "lost"
                task = await self._reports.look(held.task.id)
            except Exception as error:  # noqa: BLE001  # the database is away: the work goes on, the token protects the outcome
                logger.warning("cannot watch %s: %s", held.task.id, error)
                await asyncio.sleep(self._times.watch)
                continue
            if task.attempt != held.attempt or not task.is_open:
                return "over"
            if task.token != held.token:
                return "lost"
            if task.cancelling:
                return "cancel"
            await asyncio.sleep(self._times.watch)

    async def _keep(self, claim: Claim) -> None:
        """Renew the lease while nobody watches any more: whoever took over would stop it a second time."""
        while True:
            try:
                await self._queue.renew(claim, self._times.lease)
            except Exception as error:  # noqa: BLE001  # as in `_watch`
                logger.warning("cannot keep %s: %s", claim.task, error)
            await asyncio.sleep(self._times.watch)

    async def _abort(self, held: Holding, claim: Claim, receipt: Receipt, log: TaskLog, doing: "asyncio.Task[Outcome]") -> list[Holding]:
        """Stop it, and say honestly what came of that. An end that came first counts as it was."""
        log.line("asked to stop", "warn")
        keeping = asyncio.create_task(self._keep(claim))
        try:
            stopped, message = await self._stop(held, receipt, log)
            if stopped:  # nothing runs any more, so that whoever follows it hears of its end in a moment
                await asyncio.wait({doing}, timeout=self._times.watch * 3)
            if doing.done() and result_of(doing).state == "succeeded":
                return await self._telling.ended(held, doing.result())
            log.line(message, "info" if stopped else "error")
            await self._logs.close(log)
            await self._telling.stopped(held, stopped, message)
            return []
        finally:
            await stop(keeping)

    async def _stop(self, held: Holding, receipt: Receipt, log: TaskLog) -> tuple[bool, str]:
        """Whether it was seen that nothing runs any more, and what is known."""
        executor = self._executor(held)
        if executor is None:
            return True, "nothing had begun"
        try:
            aborted = await asyncio.wait_for(executor.abort(receipt, log), self._times.abort)
            return aborted.stopped, aborted.message
        except (Transient, Terminal, TimeoutError) as error:
            return False, f"could not be stopped: {error or 'no answer in time'}; it may still run"
        except Exception as error:
            logger.exception("stopping %s ended in an unexpected error", held.task.key)
            return False, f"could not be stopped: internal error: {type(error).__name__}: {error}; it may still run"

    def _executor(self, held: Holding) -> Executor | None:
        job = held.task.job
        return self._executors.get((job.type, job.target.type)) or self._executors.get((job.type, "*"))

    async def _plain(self, held: Holding) -> dict[str, str] | str:
        """The job's secrets in plain, by dotted name; or why they cannot be had."""
        job = held.task.job
        names = {f"environment.{k}": r for k, r in references(job.target.config).items()}
        names |= {f"application.{k}": r for k, r in references(job.application_config).items()}
        try:
            return {name: await self._secrets.get(reference) for name, reference in names.items()}
        except SecretUnreadable as error:
            return str(error)


def begin(work: Callable[[], Awaitable[Outcome]], seconds: float) -> tuple["asyncio.Task[Outcome]", "asyncio.Future[None]"]:
    """A task for the work, and what is over with it, or after these seconds. `asyncio.wait` would be told of its end a turn of the loop later,
    and most work that is short is shorter than that."""
    loop = asyncio.get_running_loop()
    soon: asyncio.Future[None] = loop.create_future()
    timer = loop.call_later(seconds, settle, soon)

    async def done() -> Outcome:
        try:
            return await work()
        finally:
            timer.cancel()
            settle(soon)

    return asyncio.create_task(done()), soon


def settle(soon: "asyncio.Future[None]") -> None:
    if not soon.done():
        soon.set_result(None)


def kept(held: Holding) -> Begun:
    """Begun in the append that released it: it never came from the queue."""
    lease = kept_lease(held.task.id, held.attempt, held.token)
    return Begun(held, Claim(held.task.id, held.attempt, lease, held.cause, kept=True))


def result_of(doing: "asyncio.Task[Outcome]") -> Outcome:
    """What the work came to. An error of our own is an end as well: it is told, and a person looks."""
    error = doing.exception() if not doing.cancelled() else asyncio.CancelledError("something that it waited for was cancelled")
    if error is None:
        return doing.result()
    logger.error("a task ended in an unexpected error", exc_info=error)
    return Outcome("failed", f"internal error: {type(error).__name__}: {error}")


async def stop(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel what still runs here, and wait until it has let go."""
    running = [task for task in tasks if not task.done()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.gather(*running, return_exceptions=True)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # an error that nobody looks at would be complained about
