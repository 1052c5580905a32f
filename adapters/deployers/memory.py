"""A target in memory: environments of type `memory`, for tests of what stands above deployers. Same semantics as the real ones:
one start and at most one end receipt for a key, one deployment at a time, an abort that is too late after the switch."""

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass, field

from application.ports.deployer import Check, Health, ServiceStatus
from application.ports.executor import Aborted, Outcome, Receipt, Terminal, Transient
from application.ports.logs import TaskLog
from domain.task.values import Target


@dataclass
class Work:
    """One key's work, as the target knows it."""

    receipt: Receipt
    log: TaskLog
    over: asyncio.Event = field(default_factory=asyncio.Event)
    switched: bool = False
    outcome: Outcome = field(default_factory=lambda: Outcome("running"))
    task: asyncio.Task[None] | None = None


@dataclass
class Place:
    """One environment."""

    current: str = ""
    previous: str = ""
    releases: list[str] = field(default_factory=list)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class MemoryDeployer:
    """What tests write: `failures` (job type → errors of its next jobs), `hold`/`release`, `lose_sight`/`regain_sight`, `kill`.
    What they read: `receipts` (`start KEY`, `end KEY outcome`), `places` (by environment id)."""

    def __init__(self, failures: dict[str, list[str]] | None = None) -> None:
        self.failures = defaultdict(deque, {kind: deque(errors) for kind, errors in (failures or {}).items()})
        self.receipts: list[str] = []
        self.places: defaultdict[str, Place] = defaultdict(Place)
        self._works: dict[str, Work] = {}
        self._held: set[str] = set()
        self._let_go: dict[str, asyncio.Event] = {}
        self._blind = asyncio.Event()

    def fail_next(self, kind: str, error: str) -> None:
        """The next job of this type fails with `error` (a deploy: at its restart, after the switch)."""
        self.failures[kind].append(error)

    def hold(self, kind: str = "deploy") -> None:
        """Jobs of this type stop at their last step (a deploy: at its restart) until `release`."""
        self._let_go[kind] = asyncio.Event()

    def release(self, kind: str = "deploy") -> None:
        if held := self._let_go.pop(kind, None):
            held.set()

    def lose_sight(self) -> None:
        """The target cannot be seen: every call raises Transient, those that wait too; the work there goes on."""
        self._blind.set()

    def regain_sight(self) -> None:
        self._blind = asyncio.Event()

    def kill(self, key: str) -> None:
        """Whoever does the work is gone without an end."""
        work = self._works[key]
        if work.task:
            work.task.cancel()
        self._over(work, Outcome("interrupted", f"the job was killed before its end: {self._found(work)}", self._result(work)))

    async def close(self) -> None:
        """End what still runs."""
        tasks = [work.task for work in self._works.values() if work.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def needs(self, target: Target) -> tuple[str, ...]:
        return ()

    async def apply(self, receipt: Receipt, log: TaskLog) -> Outcome:
        self._look()
        work = self._works.get(receipt.key)
        if work is None:
            if receipt.job.type not in ("deploy", "health_check"):
                raise Terminal(f"an environment in memory cannot do tasks of type {receipt.job.type}")
            work = self._begin(receipt, log)
        try:
            async with asyncio.timeout(receipt.job.timeout):
                await self._seen(work)
        except TimeoutError:
            raise Transient(f"no end within {receipt.job.timeout:g} s: what was begun goes on") from None
        return work.outcome

    async def observe(self, receipt: Receipt, log: TaskLog) -> Outcome:
        self._look()
        work = self._works.get(receipt.key)
        return work.outcome if work else Outcome("absent")

    async def abort(self, receipt: Receipt, log: TaskLog) -> Aborted:
        self._look()
        work = self._works.get(receipt.key)
        if work is None:
            work = self._works[receipt.key] = Work(receipt, log)
            self.receipts.append(f"start {receipt.key}")
            self._end(work, Outcome("failed", "aborted before it began", {"aborted": True}))
            return Aborted(True, "had not begun, and cannot begin any more")
        if work.over.is_set():
            return Aborted(True, f"had ended already: {work.outcome.state}")
        if work.switched:
            return Aborted(False, "too late, it has switched to the release; the restart goes on")
        if work.task:
            work.task.cancel()
        self._end(work, Outcome("failed", "aborted before the switch", self._result(work) | {"aborted": True}))
        return Aborted(True, "stopped before the switch: the former release stays current")

    async def check(self, target: Target, secrets: dict[str, str]) -> Health:
        well = not self._blind.is_set()
        message = "all there" if well else "the target cannot be seen"
        return Health(well, message, (Check("memory", "ok" if well else "failed", message),))

    async def services(self, target: Target, secrets: dict[str, str]) -> tuple[ServiceStatus, ...]:
        if self._blind.is_set():
            return (ServiceStatus("memory", False, "cannot be seen"),)
        current = self.places[target.environment_id].current
        return (ServiceStatus("memory", bool(current), f"release {current}" if current else "no release"),)

    def _look(self) -> None:
        if self._blind.is_set():
            raise Transient("the target cannot be seen", retry_after=0.01)

    async def _seen(self, work: Work) -> None:
        """Wait for the end, or for the moment when we lose sight of it."""
        waits = [asyncio.ensure_future(work.over.wait()), asyncio.ensure_future(self._blind.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not work.over.is_set():
            raise Transient("lost sight of the target: what was begun goes on", retry_after=0.01)

    def _begin(self, receipt: Receipt, log: TaskLog) -> Work:
        work = self._works[receipt.key] = Work(receipt, log)
        if receipt.job.type == "deploy":
            self.receipts.append(f"start {receipt.key}")
        work.task = asyncio.create_task(self._deploy(work) if receipt.job.type == "deploy" else self._check_health(work))
        return work

    async def _deploy(self, work: Work) -> None:
        job = work.receipt.job
        place = self.places[job.target.environment_id]
        async with place.turn:
            work.switched = True
            place.previous, place.current = place.current, job.release
            place.releases = [*(r for r in place.releases if r != job.release), job.release]
            work.log.line(f"current is {job.release}")
            await self._last_step(work)

    async def _check_health(self, work: Work) -> None:
        await self._last_step(work)

    async def _last_step(self, work: Work) -> None:
        kind = work.receipt.job.type
        if held := self._let_go.get(kind):
            await held.wait()
        if self.failures[kind]:
            self._end(work, Outcome("failed", self.failures[kind].popleft(), self._result(work)))
        else:
            self._end(work, Outcome("succeeded", "", self._result(work)))

    def _end(self, work: Work, outcome: Outcome) -> None:
        if work.receipt.job.type == "deploy" and not work.over.is_set():
            self.receipts.append(f"end {work.receipt.key} {'aborted' if outcome.result.get('aborted') else outcome.state}")
        self._over(work, outcome)

    def _over(self, work: Work, outcome: Outcome) -> None:
        if not work.over.is_set():
            work.outcome = outcome
            work.over.set()
        if work.receipt.job.type == "health_check":
            self._works.pop(work.receipt.key, None)

    def _found(self, work: Work) -> str:
        current = self.places[work.receipt.job.target.environment_id].current
        return "the release is current" if current == work.receipt.job.release else f"current is {current or 'nothing'}, not this release"

    def _result(self, work: Work) -> dict[str, object]:
        place = self.places[work.receipt.job.target.environment_id]
        return {"release": work.receipt.job.release, "hosts": {"memory": {"state": "", "current": place.current, "previous": place.previous}}}
