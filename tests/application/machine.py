"""Somebody who may do everything, in any order, with everything that exists: legal or not. For the test of the whole application."""

from typing import Any

from application.caller import person
from application.deployments.commands import EditedTask
from application.ports.timers import Timer
from application.tasks.reports import Holding
from domain.access import ROLES, SYSTEM, Actor
from domain.deployment.model import Deployment
from domain.errors import DomainError
from domain.task.model import Task
from tests.application.world import World

EVERYBODY = Actor("usr_all", "all", frozenset({*ROLES, SYSTEM}))
COLLEAGUE = Actor("usr_col", "col", frozenset({*ROLES, SYSTEM}))


class Hand:
    """One command at a time; a refusal must leave the log as it was."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.holds: list[Holding] = []
        self.refused = 0

    def pick(self, prefix: str, n: int) -> str:
        """One of the things of this kind (0: the newest), or one that does not exist."""
        found = [stream for stream in self.world.log.streams if stream.startswith(prefix + "_")]
        return found[-1 - n % len(found)] if found else f"{prefix}_none"

    async def try_(self, call: Any) -> Any:
        before = self.world.log.position
        try:
            return await call
        except DomainError:
            assert self.world.log.position == before, "a refusal has changed something"
            self.refused += 1
            return None

    @property
    def me(self) -> Any:
        return person(EVERYBODY)

    async def deployment(self, n: int, verb: str, word: str) -> None:
        w, id = self.world, self.pick("dep", n)
        calls = {
            "execute": lambda: w.deployments.execute(self.me, id), "cancel": lambda: w.deployments.cancel(self.me, id, "no"),
            "confirm": lambda: w.deployments.confirm(self.me, id, word, "so be it"), "retry": lambda: w.deployments.retry(self.me, id),
            "rollback": lambda: w.deployments.rollback(self.me, id), "rollback to": lambda: w.deployments.rollback(self.me, id, self.pick("ver", n)),
            "edit": lambda: self._edit(id, n),
        }
        await self.try_(calls[verb]())

    async def _edit(self, id: str, n: int) -> Any:
        d: Deployment = (await self.world.state(id))
        if d is None:
            return None
        tasks = [EditedTask(t.id, t.type, t.name, t.application_id, t.depends_on, t.config, t.require_confirm or (n + i) % 3 == 0)
                 if d.states[t.id] == "blocked" else EditedTask(t.id, t.type, t.name, t.application_id, t.depends_on)
                 for i, t in enumerate(d.tasks)]
        if n % 4 == 0:
            tasks.append(EditedTask("new", "custom", "extra", depends_on=(tasks[n % len(tasks)].id,)))
        if n % 5 == 0:
            gone = tasks.pop()
            tasks = [EditedTask(t.id, t.type, t.name, t.application_id, tuple(o for o in t.depends_on if o != gone.id), t.config, t.require_confirm)
                     for t in tasks]
        return await self.world.deployments.edit(self.me, id, tuple(tasks))

    async def task(self, n: int, verb: str, word: str) -> None:
        w, dep = self.world, self.pick("dep", n)
        d = await w.state(dep)
        id = d.tasks[n // 3 % len(d.tasks)].id if d else "task_none"
        calls = {"retry": lambda: w.tasks.retry(self.me, dep, id), "cancel": lambda: w.tasks.cancel(self.me, dep, id, "no"),
                 "confirm": lambda: w.tasks.confirm(self.me, dep, id, word, "so be it")}
        await self.try_(calls[verb]())

    async def decide(self, n: int, word: str) -> None:
        """Somebody's word about one of the tasks that wait for it."""
        w = self.world
        asks = [(d, id) for s in w.log.streams if s.startswith("dep_") for d in [await w.deployment(s)] for id in d.in_state("held")]
        tasks = [await w.state(s) for s in w.log.streams if s.startswith("task_")]
        asks += [(await w.deployment(t.job.deployment_id), t.id) for t in tasks if t.state == "waiting_confirm" or t.unknown]
        if asks:
            d, id = asks[n % len(asks)]
            await self.try_(w.tasks.confirm(self.me, d.id, id, word, "so be it"))

    async def work(self, n: int, what: str) -> None:
        """A worker carries one of the open attempts to an end."""
        found = [s for s in self.world.log.streams if s.startswith("task_") and (await self.world.state(s)).is_open]
        if found:
            task = await self.world.state(found[n % len(found)])
            held = await self.world.reports.begin(task.id, task.attempt, f"lease-{self.world.log.position}", "worker")
            if held:
                self.holds.append(held)
                await self.report(0, what)

    async def begin(self, n: int) -> None:
        """A worker claims an attempt, which may be over."""
        id = self.pick("task", n)
        task: Task | None = await self.world.state(id)
        if task:
            held = await self.world.reports.begin(id, task.attempt, f"lease-{self.world.log.position}", "worker")
            if held:
                self.holds.append(held)

    async def report(self, n: int, what: str) -> None:
        """A worker says how it went, which may have lost its hold long ago."""
        if not self.holds:
            return
        held, reports = self.holds[-1 - n % len(self.holds)], self.world.reports
        await {"succeed": lambda: reports.succeed(held, {}), "fail": lambda: reports.fail(held, "broken", {}),
               "stopped": lambda: reports.cancelled(held, n % 2 == 0, "stopped or not"), "lost": lambda: reports.lose_sight(held, "no route")}[what]()

    async def change(self, n: int, verb: str) -> None:
        w, id = self.world, self.pick("chg", n)
        calls = {"submit": lambda: w.changes.submit(self.me, id), "approve": lambda: w.changes.approve(person(COLLEAGUE), id),
                 "execute": lambda: w.changes.execute(self.me, id), "cancel": lambda: w.changes.cancel(self.me, id),
                 "reject": lambda: w.changes.reject(person(COLLEAGUE), id)}
        before = w.log.position
        try:
            await calls[verb]()
        except DomainError:  # an execution that finds its approval void says so and keeps it
            assert w.topics()[before:] in ([], ["change.submitted"])

    async def ring(self, timers: list[Timer]) -> None:
        for timer in timers:
            await self.world.ringing.ring(timer, self.world.now)
