"""A server in this process by the real wiring: log, keys, read models, processes, doors; the mail goes to a list."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
import psycopg

from adapters.runtime.process_runner import ProcessRunner
from adapters.runtime.supervisor import Supervisor
from adapters.timers import PostgresTimers
from api.app import create_app
from api.home import Home
from api.settings import Settings
from api.wiring.core import Core, open_core
from api.wiring.doors import services
from api.wiring.keys import server_key
from api.wiring.loops import keep_up
from api.wiring.projecting import project
from application.caller import Caller, process
from application.notifications import Channel, Notifications
from application.processes import erasure
from application.processes.dispatch import Dispatcher
from application.processes.wishes import Notify
from application.users import CreateUser
from tests.application.fakes import Letters
from tests.support.waiting import until

ADDRESS = "canary.ann@example.org"
NAME = "canary-ann"
LAPTOP = "the laptop of canary-ann"
WORDS = (NAME, ADDRESS, "canary")


@dataclass
class Server:
    core: Core
    conninfo: str
    supervisor: Supervisor
    app: Any
    letters: Letters = field(default_factory=Letters)
    tokens: dict[str, str] = field(default_factory=dict)

    def by(self, what: str) -> Caller:
        return process("test", what)

    def client(self, token: str, **headers: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app, client=("127.0.0.1", 40000)), base_url="http://test",
                                 headers={"Authorization": f"Bearer {token}", **headers})

    async def person(self, name: str, email: str, *roles: str, token: str = "laptop") -> str:
        """The id of a new user, who has a token."""
        id = (await self.core.users.create(self.by(name), CreateUser(name, email, roles))).id
        self.tokens[name], done = await self.core.users.issue_token(self.by(f"{name}/token"), id, token)
        await self.seen(done.position)
        return id

    async def seen(self, position: int) -> None:
        assert await self.core.positions.wait(position, 10)

    async def head(self) -> int:
        async with self.core.pool.connection() as conn:
            row = await (await conn.execute("select position from log.stored_events_head")).fetchone()
        assert row
        return int(row[0])

    def telling(self, address: str) -> Notifications:
        """Messages to one address."""
        core = self.core
        return Notifications(core.house, {"letters": self.letters}, [Channel("letters", address)], PostgresTimers(core.pool), "http://t", core.people)

    async def tell(self, address: str, deployment: str) -> str:
        """The id of a message that is to be sent."""
        done, = await self.telling(address).notify(self.by(f"tell {address} {deployment}"), Notify("deploy_failed", "info", deployment, "", "look"))
        await self.seen(done.position)
        return done.id

    def erase_what_is_forgotten(self) -> None:
        """Start the processes that do it, over the whole log."""
        for name, react in (("processes", erasure.react), ("auto_deploy", erasure.sweep)):
            runner = ProcessRunner({name: react}, self.dispatcher().fulfil, self.core.pool, name)
            self.supervisor.start(name, partial(keep_up, self.conninfo, runner, self.core.house.lately))

    async def swept(self) -> None:
        """The processes have dealt with everything, and so have the read models."""
        head = await self.head()
        await self.seen(head)
        with psycopg.connect(self.conninfo, autocommit=True) as conn:
            behind = "select from ops.process_positions where position < %s"
            await until(lambda: conn.execute(behind, (head,)).fetchone() is None)

    def dispatcher(self) -> Dispatcher:
        nothing: Any = None  # none of their wishes goes elsewhere
        return Dispatcher(nothing, nothing, nothing, nothing, nothing, nothing, self.core.erasing)


@asynccontextmanager
async def serving(settings: Settings, conninfo: str) -> AsyncIterator[Server]:
    home, supervisor = Home(settings.home), Supervisor()
    async with open_core(settings, home, conninfo) as core:
        supervisor.start("projector", partial(project, conninfo, server_key(settings, home)))
        try:
            yield Server(core, conninfo, supervisor, create_app(services(core, supervisor, asyncio.Event())))
        finally:
            await supervisor.stop()
