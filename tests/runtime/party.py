"""What a worker process is made of, on a real database: log, queue, timers, processes and execution; the target is one that tests hold."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from psycopg_pool import AsyncConnectionPool

from adapters.event_store.follower import Follower
from adapters.event_store.log import PostgresLog
from adapters.event_store.people import PostgresPeople
from adapters.event_store.person_keys import ServerKey
from adapters.queue import PostgresQueue
from adapters.runtime.alone import PROCESSES as PROCESSES_LOCK
from adapters.runtime.alone import TIMERS as TIMERS_LOCK
from adapters.runtime.alone import alone
from adapters.runtime.following import follow_on_loop
from adapters.runtime.process_runner import ProcessRunner
from adapters.runtime.slots import Hands, Slots
from adapters.runtime.supervisor import Supervisor
from adapters.runtime.ticker import Ticker
from adapters.runtime.worker import Worker
from adapters.task_logs import PostgresTaskLogs
from adapters.timers import PostgresTimers
from api.rest.idempotency import KeptAnswers
from application.applications import Applications, CreateApplication
from application.caller import Caller, person
from application.changes import Changes
from application.deployments.auto import AutoDeploy
from application.deployments.commands import Deployments
from application.deployments.create import CreateDeployment, Planner
from application.deployments.driving import Driving
from application.environments import CreateEnvironment, Environments
from application.erasing import Erasing
from application.house import House
from application.notifications import Channel, Notifications
from application.ports.executor import Executor
from application.processes.catalogue import PROCESSES
from application.processes.dispatch import Dispatcher
from application.processes.execution import Execution, Times
from application.processes.ringing import Ringing
from application.tasks.reports import Reports
from application.versions import CreateVersion, Versions
from application.work import Cache, Work
from domain.access import Actor
from tests.application.fakes import Letters, MemoryArtifacts, MemorySecrets

TIMES = Times(lease=0.6, watch=0.1, longest_pause=0.2, abort=2.0)
ADMIN = Actor("usr_ann", "ann", frozenset({"admin"}))
REPOSITORY = "https://git.example/org/app"
KEY = ServerKey(bytes(range(32)))
NUMBERS = itertools.count(1)


class NoCatalog:
    """Nothing here is deployed by itself, or deleted."""

    async def applications(self, position: int) -> list[Any]:
        return []

    async def tags(self, repository: str) -> list[str]:
        return []

    async def used_by(self, id: str) -> list[str]:
        return []

    async def tokens(self, user: str) -> list[str]:
        return []

    async def reached(self, position: int) -> None:
        """There are no read models to wait for."""


@dataclass
class Party:
    """One process's worth of a worker, not at work yet."""

    name: str
    conninfo: str
    pool: AsyncConnectionPool
    house: House
    queue: PostgresQueue
    timers: PostgresTimers
    deployments: Deployments
    reports: Reports
    runner: ProcessRunner
    ringing: Ringing
    ticker: Ticker
    worker: Worker
    letters: Letters
    supervisor: Supervisor
    planner: Planner

    def work(self) -> None:
        """All its loops, as the server starts them."""
        self.supervisor.start("processes", lambda: alone(self.conninfo, PROCESSES_LOCK, self.react))
        self.supervisor.start("timers", lambda: alone(self.conninfo, TIMERS_LOCK, self.ticker.run))
        self.supervisor.start("worker", self.worker.run)

    async def react(self) -> None:
        position = await self.runner.load_position()
        try:
            near = self.house.lately.after
            await follow_on_loop(lambda at, stop: Follower(self.conninfo, at, idle=0.05, near=near).batches(stop), position, self.runner.handle)
        finally:
            await self.runner.forget()

    async def rest(self) -> None:
        await self.worker.drain(0)
        await self.supervisor.stop()
        await self.queue.close()

    async def deploy(self, environment: str = "") -> str:
        """A deployment of a new version of a new application to an environment of its own; it has no build: deploy, then health check."""
        number = next(NUMBERS)
        environments = Environments(self.house, MemorySecrets(), NoCatalog(), self.planner._deployers)
        env = environment or (await environments.create(by(), CreateEnvironment(f"env-{number}", "memory", {}))).id
        applications = Applications(self.house, MemorySecrets(), NoCatalog())
        app = (await applications.create(by(), CreateApplication(f"app-{number}", REPOSITORY, "service", {}))).id
        version = (await Versions(self.house, NoCatalog()).create(by(), CreateVersion(f"v1.0.{number}", "c0ffee", REPOSITORY))).id
        return (await self.deployments.create(by(), CreateDeployment(version, (app,), env))).id

    async def state(self, stream: str) -> Any:
        """Folded anew from the log."""
        return await Work(self.house.log, Cache()).find(stream)

    async def phase(self, deployment: str) -> str:
        return str((await self.state(deployment)).phase)

    async def task(self, deployment: str, type: str = "deploy") -> str:
        [found] = [task.id for task in (await self.state(deployment)).tasks if task.type == type]
        return str(found)

    async def topics(self, stream: str) -> list[str]:
        return [event.TOPIC for event in await self.house.log.stream(stream)]


def by() -> Caller:
    return person(ADMIN)


@asynccontextmanager
async def party(conninfo: str, target: Executor, name: str = "w1", *, times: Times = TIMES, slots: int = 4) -> AsyncIterator[Party]:
    """With a target that several may share. At its end nothing of it is left."""
    pool = AsyncConnectionPool(conninfo, kwargs={"application_name": "tiangong test"}, min_size=1, max_size=8, timeout=5, open=False)
    async with pool, PostgresLog(conninfo, key=KEY) as log:
        made = assembled(conninfo, pool, House(log), target, name, times, Slots(slots))
        try:
            yield made
        finally:
            await made.rest()


def assembled(conninfo: str, pool: AsyncConnectionPool, house: House, target: Any, name: str, times: Times, slots: Slots) -> Party:
    queue, timers, letters = PostgresQueue(pool, conninfo), PostgresTimers(pool), Letters()
    planner = Planner(house, {"memory": target})
    driving, reports, people = Driving(house, planner), Reports(house), PostgresPeople(pool, KEY)
    told = Notifications(house, {"letters": letters}, [Channel("letters", "ops")], timers, "http://tiangong", people)
    dispatcher = Dispatcher(queue, timers, driving, AutoDeploy(house, planner, NoCatalog()), Changes(house, planner), told,
                            Erasing(people, KeptAnswers(pool), NoCatalog()))
    ringing = Ringing(timers, driving, told)
    return Party(
        name, conninfo, pool, house, queue, timers, Deployments(house, planner), reports,
        ProcessRunner(PROCESSES, dispatcher.fulfil, pool, together=dispatcher.fulfil_together), ringing,
        Ticker(timers, ringing.ring, house.clock, every=0.05),
        Worker(queue, execution(reports, target, pool, queue, name, times, slots), name, slots, times), letters, Supervisor(), planner)


def execution(reports: Reports, target: Executor, pool: AsyncConnectionPool, queue: PostgresQueue, name: str, times: Times = TIMES,
              slots: Slots | None = None) -> Execution:
    executors: Mapping[tuple[str, str], Executor] = {("deploy", "memory"): target, ("health_check", "memory"): target}
    aside, hands = (slots.aside, Hands(slots, name)) if slots else (nullcontext, None)
    return Execution(reports, executors, PostgresTaskLogs(pool), MemoryArtifacts(), MemorySecrets(), queue, name, times, aside, hands)


async def ended(party: Party, *deployments: str, seconds: float = 20.0) -> list[str]:
    """How they ended, as soon as they have."""
    await holds(lambda: all_over(party, deployments), seconds)
    return [await party.phase(id) for id in deployments]


async def all_over(party: Party, deployments: Sequence[str]) -> bool:
    return not any([(await party.state(id)).is_open for id in deployments])


async def holds(condition: Callable[[], Awaitable[Any]], seconds: float = 10.0) -> None:
    """As soon as it does; AssertionError when it does not in time."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, f"did not come true within {seconds} s"
        await asyncio.sleep(0.01)
