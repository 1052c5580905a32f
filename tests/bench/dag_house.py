"""Ours, for the DAG benchmark: the server's own parts with a target on which nothing has to be done, and plans that are chains or fans.

As a program (`python tests/bench/dag_house.py CONNINFO HOME`) it is a worker process: everything that `tiangong worker` runs.
"""

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from psycopg import AsyncConnection

from adapters.runtime.supervisor import Supervisor
from api.home import Home
from api.settings import Settings
from api.wiring.core import Core, open_core
from api.wiring.keys import key_bytes
from api.wiring.loops import Crew
from api.wiring.projecting import Orders, collect_seldom, in_own_process, ordered
from api.wiring.server import supervised
from application.applications import CreateApplication
from application.caller import person
from application.deployments.create import snapshot, source_of
from application.deployments.steps import Steps
from application.environments import CreateEnvironment
from application.house import utc_now
from application.ports.executor import Aborted, Outcome, Receipt
from application.ports.logs import TaskLog
from application.work import Work
from domain.access import Actor
from domain.deployment.events import DeploymentCreated
from domain.deployment.values import TaskSpec
from domain.task.values import Target
from domain.version.events import VersionCreated

ADMIN = Actor("usr_bench", "bench", frozenset({"admin"}))
REPOSITORY = "https://git.example/org/bench"
Shape = list[tuple[int, ...]]
"""For each task the numbers of those it waits for."""
PATIENCE = 120.0
AT_ONCE = 32
"""Tasks side by side, as for the peers."""


def chain(length: int) -> Shape:
    return [(), *((n,) for n in range(length - 1))]


def fan(width: int) -> Shape:
    return [(), *((0,) for _ in range(width)), tuple(range(1, width + 1))]


@dataclass
class Nothing:
    """A target where every task is done at once. `begun`: when, by `time.time()`, and which deployment's."""

    begun: list[tuple[str, float]] = field(default_factory=list)

    def needs(self, target: Target) -> tuple[str, ...]:
        return ()

    async def apply(self, receipt: Receipt, log: TaskLog) -> Outcome:
        self.begun.append((receipt.job.deployment_id, time.time()))
        return Outcome("succeeded")

    async def observe(self, receipt: Receipt, log: TaskLog) -> Outcome:
        return Outcome("absent")

    async def abort(self, receipt: Receipt, log: TaskLog) -> Aborted:
        return Aborted(True, "there is nothing to stop")


@asynccontextmanager
async def house(conninfo: str, home: Path, *, works: bool, reads: bool, at_once: int = AT_ONCE) -> AsyncIterator[tuple[Core, Nothing]]:
    """What a server is made of. `works`: with the worker role; `reads`: with the projector's, in a process of its own as under `up`.
    `at_once`: with one slot a worker cannot know whether others wait while it works, so that each hand-over goes through the queue."""
    target, settings = Nothing(), Settings(home=home)
    with in_own_process(home) if reads else nullcontext() as projector:
        async with open_core(settings, Home(home), conninfo) as core, supervised() as supervisor:
            core.deployers["memory"] = target  # type: ignore[assignment]  # a deployer's checks are not asked for here
            if projector:
                ordered(projector, Orders.of(conninfo, key_bytes(settings, Home(home))), supervisor)
            async with at_work(core, supervisor, at_once) if works else nullcontext():
                collect_seldom()  # as a server that is ready does
                yield core, target


@asynccontextmanager
async def at_work(core: Core, supervisor: Supervisor, at_once: int) -> AsyncIterator[None]:
    crew = await Crew.start(core, supervisor, "http://bench", at_once)
    try:
        yield
    finally:
        await crew.drain(1)


@dataclass(frozen=True)
class Place:
    """Where deployments go: made once, each has one application in one environment of its own."""

    core: Core
    environment: str
    application: str
    version: str

    @classmethod
    async def make(cls, core: Core, name: str) -> "Place":
        env = (await core.environments.create(person(ADMIN), CreateEnvironment(f"env-{name}", "memory", {}))).id
        app = (await core.applications.create(person(ADMIN), CreateApplication(f"app-{name}", REPOSITORY, "service", {}))).id
        version = (await core.house.run(person(ADMIN), "version:create", partial(cls._version, core, name))).id
        return cls(core, env, app, version)

    @staticmethod
    async def _version(core: Core, name: str, work: Work) -> str:

        event = VersionCreated(stream=core.house.new_id("ver"), version=1, at=utc_now(), by=ADMIN.id, git_tag=f"v1.0.{name}", git_commit="c0ffee",
                               repository=REPOSITORY)
        work.record(event)
        return event.stream

    async def deploy(self, shape: Shape) -> str:
        """Create and start a deployment of that shape, in one append, as `POST /deployments` does."""
        house = self.core.house

        async def act(work: Work) -> str:
            version = await work.version(self.version)
            app = await snapshot(work, self.application, version)
            target = self.core.planner.target(await work.environment(self.environment))
            ids = [house.new_id("task") for _ in shape]
            tasks = tuple(TaskSpec(id=id, type="health_check", name=f"task {n}", application_id=app.id, depends_on=tuple(ids[m] for m in before))
                          for n, (id, before) in enumerate(zip(ids, shape, strict=True)))
            created = DeploymentCreated(stream=house.new_id("dep"), version=1, at=house.clock(), by=ADMIN.id, source=source_of(version),
                                        applications=(app,), target=target, tasks=tasks)
            work.record(created)
            await Steps(work, house.clock(), ADMIN.id).begin(created.stream)
            return created.stream

        return (await house.run(person(ADMIN), "deployment:create", act)).id

    async def run(self, shape: Shape) -> tuple[str, float]:
        """Seconds from the request until its last fact was stored."""
        began = time.time()
        id = await self.deploy(shape)
        return id, await self.ended(id) - began

    async def ended(self, id: str) -> float:
        """When its last fact was stored, by the database's clock, which is this machine's."""
        query = """
            select e.topic, extract(epoch from c.recorded_at)::float8
              from (select topic, notification_id as position from log.stored_events
                     where originator_id = %s order by originator_version desc limit 1) e
              cross join lateral (
                select recorded_at from log.stored_events_commands
                 where events > 0 and first_position <= e.position order by first_position desc limit 1) c
             where e.topic in ('deployment.succeeded', 'deployment.failed')"""
        async with asyncio.timeout(PATIENCE), await AsyncConnection.connect(self.core.conninfo, autocommit=True) as conn:
            while (row := await (await conn.execute(query, (id,), prepare=True)).fetchone()) is None:  # noqa: ASYNC110  # another process may end it
                await asyncio.sleep(0.02)
        topic, at = row
        if topic != "deployment.succeeded":
            raise RuntimeError(f"{id} ended with {topic}")
        return float(at)


def links(begun: list[tuple[str, float]]) -> list[float]:
    """Seconds from each task's begin to the next one's, of deployments that are chains."""
    last: dict[str, float] = {}
    found = []
    for deployment, at in begun:
        if deployment in last:
            found.append(at - last[deployment])
        last[deployment] = at
    return found


async def worker(conninfo: str, home: Path) -> None:
    """Until standard input ends; then print the links' seconds, one a line."""
    over, loop = asyncio.Event(), asyncio.get_running_loop()

    def wait() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(over.set)

    home.mkdir(exist_ok=True)
    async with house(conninfo, home, works=True, reads=False) as (_, target):
        threading.Thread(target=wait, daemon=True).start()
        print("ready", flush=True)
        await over.wait()
    print("\n".join(f"{link:.9f}" for link in links(target.begun)), flush=True)


if __name__ == "__main__":
    asyncio.run(worker(sys.argv[1], Path(sys.argv[2])))
