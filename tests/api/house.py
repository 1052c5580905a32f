"""A server for tests, put together from the real parts: log, projector, read models, secrets; the target is the one in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from psycopg_pool import AsyncConnectionPool

from adapters.credentials import PostgresCredentials
from adapters.deployers.memory import MemoryDeployer
from adapters.event_store.files import PostgresAuditFiles
from adapters.event_store.follower import Follower
from adapters.event_store.log import PostgresLog
from adapters.event_store.past import PastLog
from adapters.event_store.people import PostgresPeople
from adapters.event_store.person_keys import ServerKey
from adapters.event_store.signing import Signer
from adapters.runtime.following import follow
from adapters.runtime.supervisor import Supervisor
from adapters.secrets import PostgresSecrets
from adapters.task_logs import PostgresTaskLogs
from api.app import create_app
from api.services import Services
from api.settings import Settings
from api.wiring.catalog import ReadModelCatalog
from application.applications import Applications
from application.caller import process
from application.changes import Changes
from application.deployments.commands import Deployments
from application.deployments.create import Planner
from application.environments import Environments
from application.house import House
from application.ports.deployer import Deployer
from application.tasks.commands import Tasks
from application.tasks.reports import Holding, Reports
from application.users import CreateUser, Users
from application.versions import Versions
from application.webhooks import Webhooks
from application.work import Work
from domain.config import references
from domain.event import Json
from domain.task.values import Target
from projections.catalogue import PROJECTIONS
from projections.engine.positions import Positions
from projections.engine.projector import Projector
from projections.travel.machine import TimeMachine

SECRET = "the hook's secret"
SETTINGS = {"github_webhook_secret": SECRET}
SIGNER = Signer(bytes(range(32)))
KEY = ServerKey(bytes(range(32)))
LOOPBACK = ("127.0.0.1", 40000)


@dataclass
class Rig:
    """What a test holds: the application, a token for each role, and those who report what tasks did."""

    app: FastAPI
    services: Services
    reports: Reports
    deployer: MemoryDeployer
    logs: PostgresTaskLogs
    tokens: dict[str, str] = field(default_factory=dict)
    """By role."""

    def client(self, role: str = "admin", address: tuple[str, int] = LOOPBACK, **headers: str) -> httpx.AsyncClient:
        """A client that is signed in as the user of a role; `""` is nobody."""
        auth = {"Authorization": f"Bearer {self.tokens[role]}"} if role else {}
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app, client=address), base_url="http://test", headers=auth | headers)

    async def begin(self, task: str, attempt: int = 1) -> Holding:
        """Take hold of a released task, as a worker would."""
        held = await self.reports.begin(task, attempt, f"lease-{task}-{attempt}", "worker-1")
        assert held is not None
        return held

    async def finish(self, task: str, error: str = "", result: Json | None = None, attempt: int = 1) -> int:
        """Carry a released task to its end, as a worker would; the position of what it reported."""
        held = await self.begin(task, attempt)
        done = await (self.reports.fail(held, error, result or {}) if error else self.reports.succeed(held, result or {}))
        assert await self.services.positions.wait(done.position, 5)
        return done.position


@asynccontextmanager
async def open_rig(conninfo: str, home: Path, **settings: Any) -> AsyncIterator[Rig]:
    supervisor = Supervisor()
    pool = AsyncConnectionPool(conninfo, min_size=1, max_size=8, timeout=5, open=False)
    async with pool, PostgresLog(conninfo, key=KEY) as log, Positions(conninfo) as positions, TimeMachine(conninfo, PastLog(KEY)) as past:
        projector = Projector(conninfo, PROJECTIONS)
        supervisor.start("projector", lambda: follow(
            lambda at, stop: Follower(conninfo, at, idle=0.05, key=KEY).batches(stop), projector.position, projector.apply))
        rig = assembled(House(log), pool, positions, PostgresSecrets(pool, None, home), Settings(**{"home": home, **SETTINGS, **settings}),
                        PostgresAuditFiles(conninfo, SIGNER), past)
        try:
            await sign_everybody_up(rig)
            yield rig
        finally:
            await supervisor.stop()
            projector.close()


def assembled(house: House, pool: Any, positions: Positions, secrets: PostgresSecrets, settings: Settings, files: PostgresAuditFiles,
              past: TimeMachine) -> Rig:
    deployer, catalog = MemoryDeployer(), ReadModelCatalog(pool, positions)
    deployers: dict[str, Deployer] = {"memory": deployer}
    planner = Planner(house, deployers)

    async def target(environment: str) -> tuple[Target, dict[str, str]]:
        env = await Work(house.log, house.cache).environment(environment)
        plain = {f"environment.{key}": await secrets.get(reference) for key, reference in references(env.config).items()}
        return Target(environment_id=env.id, name=env.name, type=env.type, config=env.config), plain

    deployments = Deployments(house, planner)
    services = Services(
        versions=Versions(house, catalog), applications=Applications(house, secrets, catalog),
        environments=Environments(house, secrets, catalog, deployers), deployments=deployments, tasks=Tasks(house, deployments),
        changes=Changes(house, planner), users=Users(house, PostgresCredentials(pool), PostgresPeople(pool, KEY), catalog),
        webhooks=Webhooks(house, catalog), pool=pool,
        positions=positions, settings=settings, deployers=deployers, target=target, audit_files=files, past=past)
    return Rig(create_app(services), services, Reports(house), deployer, PostgresTaskLogs(pool))


async def sign_everybody_up(rig: Rig) -> None:
    users, boot = rig.services.users, process("boot", "tests")

    async def sign_up(role: str) -> int:
        user = await users.create(boot.step(role), CreateUser(f"{role}-1", f"{role}@example.com", (role,)))
        rig.tokens[role], done = await users.issue_token(boot.step(f"{role}/token"), user.id, "tests")
        return done.position

    positions = await asyncio.gather(*map(sign_up, ("admin", "operator", "developer", "approver", "viewer")))
    assert await rig.services.positions.wait(max(positions), 5)

