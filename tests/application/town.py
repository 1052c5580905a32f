"""The whole application, put together on fakes; and the words in which stories are told."""

import itertools
from collections import Counter
from datetime import datetime
from typing import Any

from adapters.deployers.memory import MemoryDeployer
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
from application.processes.dispatch import Dispatcher
from application.processes.execution import Execution, Times
from application.processes.ringing import Ringing
from application.tasks.commands import Tasks
from application.tasks.reports import Reports
from application.users import Users
from application.versions import CreateVersion, Versions
from application.webhooks import Webhooks
from application.work import Cache, Work
from domain.access import Actor
from domain.deployment.model import Deployment
from domain.event import Event
from domain.lane.model import lane_of
from tests.application.fakes import (
    Bench,
    Letters,
    MemoryAnswers,
    MemoryArtifacts,
    MemoryCatalog,
    MemoryCredentials,
    MemoryPeople,
    MemoryQueue,
    MemorySecrets,
    MemoryTaskLogs,
    MemoryTimers,
)
from tests.support.given import NOON
from tests.support.memory_log import MemoryLog

REPOSITORY = "https://git.example/org/app"
TIMES = Times(lease=5, watch=0.002, longest_pause=0.005, abort=1.0)
BUILT = {"build_command": "make", "test_command": "make test", "artifact": "dist"}


class Town:
    def __init__(self, log: MemoryLog | None = None) -> None:
        self.now: datetime = NOON
        self.log = log or MemoryLog()
        self.queue, self.timers, self.secrets, self.logs = MemoryQueue(), MemoryTimers(), MemorySecrets(), MemoryTaskLogs()
        self.catalog, self.letters, self.bench, self.target = MemoryCatalog(self.log), Letters(), Bench(), MemoryDeployer()
        self._ids: Counter[str] = Counter()
        self._workers = map("worker-{}".format, itertools.count(1))
        self._assemble()

    def _assemble(self) -> None:
        self.house = house = House(self.log, lambda: self.now, self._new_id)
        deployers = {"memory": self.target}
        planner = Planner(house, deployers)
        self.deployments = Deployments(house, planner)
        self.tasks = Tasks(house, self.deployments)
        self.changes = Changes(house, planner)
        self.versions = Versions(house, self.catalog)
        self.applications = Applications(house, self.secrets, self.catalog)
        self.environments = Environments(house, self.secrets, self.catalog, deployers)
        self.credentials = MemoryCredentials()
        self.people, self.answers = MemoryPeople(), MemoryAnswers()
        self.users = Users(house, self.credentials, self.people, self.catalog)
        self.webhooks = Webhooks(house, self.catalog)
        self.driving, self.reports = Driving(house, planner), Reports(house)
        self.notifications = Notifications(house, {"letters": self.letters}, [Channel("letters", "ops")], self.timers, "http://tiangong", self.people)
        self.ringing = Ringing(self.timers, self.driving, self.notifications)
        auto_deploy = AutoDeploy(house, planner, self.catalog)
        self.dispatcher = Dispatcher(self.queue, self.timers, self.driving, auto_deploy, self.changes, self.notifications,
                                     Erasing(self.people, self.answers, self.catalog))
        self.executors = {(kind, "*"): self.bench for kind in ("build", "test", "custom", "prepare")} | {
            ("deploy", "memory"): self.target, ("health_check", "memory"): self.target}

    def _new_id(self, prefix: str) -> str:
        self._ids[prefix] += 1
        return f"{prefix}_{self._ids[prefix]:04}"

    def execution(self) -> Execution:
        """A worker of its own."""
        return Execution(self.reports, self.executors, self.logs, MemoryArtifacts(), self.secrets, self.queue, next(self._workers), TIMES)

    # People

    @staticmethod
    def by(role: str = "admin", name: str = "", **call: str) -> Caller:
        """A call by somebody with this role."""
        return person(Actor(f"usr_{name or role}", name or role, frozenset({role})), **call)

    async def app(self, name: str = "shop", **config: object) -> str:
        return (await self.applications.create(self.by(), CreateApplication(name, REPOSITORY, "service", config))).id

    async def env(self, name: str = "prod", **config: object) -> str:
        return (await self.environments.create(self.by(), CreateEnvironment(name, "memory", config))).id

    async def version(self, tag: str = "v1.0.0", repository: str = REPOSITORY) -> str:
        return (await self.versions.create(self.by(), CreateVersion(tag, "c0ffee", repository))).id

    async def deploy(self, version: str, *apps: str, to: str, **more: Any) -> str:
        return (await self.deployments.create(self.by(), CreateDeployment(version, apps, to, **more))).id

    # What is so

    async def state(self, stream: str) -> Any:
        """Folded anew from the log."""
        return await Work(self.log, Cache()).find(stream)

    async def deployment(self, id: str) -> Deployment:
        found: Deployment = await self.state(id)
        return found

    async def phase(self, id: str) -> str:
        return (await self.deployment(id)).phase

    async def task(self, deployment: str, type: str, app: str = "") -> Any:
        """The Task of a deployment's only task of this type; None before its release."""
        return await self.state(await self.task_id(deployment, type, app))

    async def task_id(self, deployment: str, type: str, app: str = "") -> str:
        [found] = [t.id for t in (await self.deployment(deployment)).tasks if t.type == type and app in ("", t.application_id)]
        return found

    async def lane(self, environment: str) -> Any:
        return await self.state(lane_of(environment))

    def facts(self, stream: str = "") -> list[Event]:
        return [event for event in self.log.events() if stream in ("", event.stream)]

    def topics(self, stream: str = "") -> list[str]:
        return [event.TOPIC for event in self.facts(stream)]

    def told(self) -> list[str]:
        """The rules by which people were written to."""
        return [message.subject.partition("] ")[2].partition(":")[0] for message in self.letters.sent]
