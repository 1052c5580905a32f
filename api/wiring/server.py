"""A running server: its roles started in order, and ended in order."""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from functools import partial

from adapters.event_store.follower import Follower
from adapters.runtime.following import Batches, follow
from adapters.runtime.supervisor import Supervisor
from api.app import create_app
from api.home import Home
from api.serving import address, bind, serve
from api.settings import Settings
from api.wiring.core import Core, open_core
from api.wiring.database import as_server, database, database_of_server, keep_running
from api.wiring.doors import services
from api.wiring.loops import Crew
from api.wiring.upgrade import upgrade
from application.caller import process
from application.users import CreateUser, digest_of
from projections.catalogue import PROJECTIONS
from projections.engine.projector import Projector

logger = logging.getLogger(__name__)
DRAIN = 20.0
"""Seconds that running tasks get to end after SIGTERM; what is left is taken up after the next start."""


def run(settings: Settings, roles: tuple[str, ...]) -> None:
    """Run until SIGTERM or SIGINT. A server with all roles has its HOME for itself."""
    home = Home(settings.home)
    home.make()
    with home if len(roles) > 1 else nullcontext():
        sock = bind(settings.host, settings.port) if "api" in roles else None
        with database_of_server(settings, home) as (conninfo, postgres):
            if len(roles) > 1:
                upgrade(conninfo)
            keep = [partial(keep_running, postgres)] if postgres else []
            asyncio.run(live(settings, home, as_server(conninfo), roles, sock, keep))


async def live(settings: Settings, home: Home, conninfo: str, roles: tuple[str, ...], sock: socket.socket | None,
               keep: Sequence[Callable[[], Awaitable[None]]]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_core(settings, home, conninfo) as core:
        supervisor, crew = Supervisor(), None
        for run_database in keep:
            supervisor.start("database", run_database)
        if "projector" in roles:
            supervisor.start("projector", partial(project, conninfo))
        if "worker" in roles:
            crew = await Crew.start(core, supervisor, address(sock) if sock else settings.public_url)
        try:
            await ensure_admin(core)
            await open_doors(core, supervisor, sock, stop) if sock else await stop.wait()
        finally:
            if crew is not None:
                await crew.drain(DRAIN)
            await supervisor.stop()


async def open_doors(core: Core, supervisor: Supervisor, sock: socket.socket, stop: asyncio.Event) -> None:
    started = asyncio.Event()
    serving = asyncio.create_task(serve(create_app(services(core, supervisor, stop)), sock, started, stop))
    await started.wait()
    gc.collect()
    gc.freeze()  # what lives from here on to the end is not looked at by every collection
    print(f"ready {address(sock)}", flush=True)
    await serving


def follower(conninfo: str) -> Batches:
    return lambda position, stop: Follower(conninfo, position).batches(stop)


async def project(conninfo: str) -> None:
    projector = Projector(conninfo, PROJECTIONS)
    try:
        await follow(follower(conninfo), await asyncio.to_thread(lambda: projector.position), lambda batch: void(projector.apply(batch)))
    finally:
        await asyncio.to_thread(projector.close)


def void(_: object) -> None:
    """A batch's handler answers nothing."""


async def ensure_admin(core: Core) -> None:
    """The user `admin` exists, and the token that the operator set (or, the first time, a new one) is good."""
    users = core.users
    admin = await users.find("admin")
    if admin is None:
        admin = (await users.create(process("setup", "admin"), CreateUser("admin", roles=("admin",)))).id
    given = core.settings.admin_token
    value, new = (given.get_secret_value(), False) if given else core.home.keep_admin_token()
    if await users.authenticate(value) is None:
        await users.issue_token(process("setup", f"admin-token/{digest_of(value).hex()}"), admin, "admin", value=value)
    if new:
        print(f"admin token {value} (kept in {core.home.admin_token})", flush=True)


def create_token(settings: Settings, username: str, days: int | None) -> None:
    """Make a token for a user and print it, alone."""
    home = Home(settings.home)
    with database(settings, home) as conninfo:
        print(asyncio.run(new_token(settings, home, as_server(conninfo), username, days)))


async def new_token(settings: Settings, home: Home, conninfo: str, username: str, days: int | None) -> str:
    async with open_core(settings, home, conninfo) as core:
        user = await core.users.find(username)
        if user is None:
            raise ValueError(f"there is no user {username}: create it over POST /api/v1/users")
        value, _ = await core.users.issue_token(process("cli", core.house.new_id("cmd")), user, "cli", days)
        return value

