"""What every role stands on: the log, the pool, the read models' position, and the command handlers over them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from adapters.artifacts.files import FileArtifacts
from adapters.credentials import PostgresCredentials
from adapters.deployers.memory import MemoryDeployer
from adapters.deployers.ssh import SshDeployer
from adapters.event_store.connections import bounded
from adapters.event_store.log import PostgresLog
from adapters.event_store.past import PastLog
from adapters.event_store.people import PostgresPeople
from adapters.event_store.signing import Signer
from adapters.secrets import PostgresSecrets
from api.home import Home
from api.rest.idempotency import KeptAnswers
from api.settings import Settings
from api.wiring.audit import signer_of
from api.wiring.catalog import ReadModelCatalog
from api.wiring.keys import server_key
from application.applications import Applications
from application.changes import Changes
from application.deployments.commands import Deployments
from application.deployments.create import Planner
from application.environments import Environments
from application.erasing import Erasing
from application.house import House
from application.ports.deployer import Deployer
from application.tasks.commands import Tasks
from application.users import Users
from application.versions import Versions
from application.webhooks import Webhooks
from projections.engine.positions import Positions
from projections.travel.machine import TimeMachine

RECONNECT = 1.0
"""Seconds that the pool tries to connect by itself. After that each who asks lets it try anew: its own pauses double, and after a long
outage it would take as long again to come back."""


@dataclass(frozen=True)
class Core:
    settings: Settings
    home: Home
    conninfo: str
    """The database, with the rights of the running server."""
    log: PostgresLog
    pool: AsyncConnectionPool
    hints: AsyncConnectionPool
    """For what the facts leave of queue and timers, and how far they have been read: nobody waits until that is on the disk. A crash of the
    database may take the last of it away, and with it the position that was stored after it: it comes again from the log. The intent that
    follows from a claim waits for the disk, and for all that was committed before it."""
    positions: Positions
    house: House
    secrets: PostgresSecrets
    artifacts: FileArtifacts
    deployers: dict[str, Deployer]
    catalog: ReadModelCatalog
    planner: Planner
    past: TimeMachine
    signer: Signer
    """Of checkpoints and exports."""
    people: PostgresPeople

    @property
    def users(self) -> Users:
        return Users(self.house, PostgresCredentials(self.pool), self.people, self.catalog)

    @property
    def erasing(self) -> Erasing:
        return Erasing(self.people, KeptAnswers(self.pool), self.catalog)

    @property
    def versions(self) -> Versions:
        return Versions(self.house, self.catalog)

    @property
    def applications(self) -> Applications:
        return Applications(self.house, self.secrets, self.catalog)

    @property
    def environments(self) -> Environments:
        return Environments(self.house, self.secrets, self.catalog, self.deployers)

    @property
    def deployments(self) -> Deployments:
        return Deployments(self.house, self.planner)

    @property
    def tasks(self) -> Tasks:
        return Tasks(self.house, self.deployments)

    @property
    def changes(self) -> Changes:
        return Changes(self.house, self.planner)

    @property
    def webhooks(self) -> Webhooks:
        return Webhooks(self.house, self.catalog)


@asynccontextmanager
async def open_core(settings: Settings, home: Home, conninfo: str) -> AsyncIterator[Core]:
    pool = AsyncConnectionPool(bounded(conninfo, "tiangong"), min_size=2, max_size=16, timeout=5, reconnect_timeout=RECONNECT, open=False,
                               name="tiangong")
    hints = AsyncConnectionPool(bounded(conninfo, "tiangong hints"), kwargs={"autocommit": True}, min_size=0, max_size=8, timeout=5,
                                reconnect_timeout=RECONNECT, open=False, name="tiangong-hints", configure=without_waiting)
    deployers: dict[str, Deployer] = {"physical": SshDeployer(), "memory": MemoryDeployer()}
    key = server_key(settings, home)
    async with PostgresLog(conninfo, key=key) as log, pool, hints, Positions(conninfo) as positions, TimeMachine(conninfo, PastLog(key)) as past:
        house = House(log)
        secret = settings.secret_key.get_secret_value() if settings.secret_key else None
        yield Core(
            settings, home, conninfo, log, pool, hints, positions, house, PostgresSecrets(pool, secret, home.path), FileArtifacts(home.artifacts),
            deployers, ReadModelCatalog(pool, positions), Planner(house, deployers), past, signer_of(settings, home), PostgresPeople(pool, key))


async def without_waiting(conn: AsyncConnection[Any]) -> None:
    await conn.execute("set synchronous_commit = off")
