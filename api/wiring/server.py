"""A running server: its roles started in order, and ended in order."""

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from functools import partial
from types import FrameType

from adapters.event_store.reading import reader
from adapters.runtime.child import Child
from adapters.runtime.supervisor import Supervisor
from api.app import create_app
from api.home import Home
from api.serving import address, bind, serve
from api.settings import Settings
from api.wiring.core import Core, open_core
from api.wiring.database import as_server, database, database_of_server, keep_running, must_be_ready
from api.wiring.doors import services
from api.wiring.keys import fitting_key, key_bytes, server_key
from api.wiring.loops import Crew
from api.wiring.projecting import LOOP, Orders, collect_seldom, ordered, project
from api.wiring.upgrade import upgrade
from application.caller import process
from application.users import CreateUser, digest_of

logger = logging.getLogger(__name__)
DRAIN = 20.0
"""Seconds that running tasks get to end after SIGTERM; what is left is taken up after the next start."""


def run(settings: Settings, roles: tuple[str, ...], projector: Child | None = None) -> None:
    """Run until SIGTERM or SIGINT. A server with all roles has its HOME for itself. `projector`: the process that is to be one, else it is us."""
    home = Home(settings.home)
    with stopped_by_sigterm():
        home.make()
        with home if len(roles) > 1 else nullcontext():
            sock = bind(settings.host, settings.port) if "api" in roles else None
            with database_of_server(settings, home) as (conninfo, postgres):
                if len(roles) > 1:
                    upgrade(conninfo, reader(server_key(settings, home)))
                must_be_ready(as_server(conninfo))
                fitting_key(settings, home, as_server(conninfo))
                keep = [partial(keep_running, postgres)] if postgres else []
                asyncio.run(live(settings, home, as_server(conninfo), roles, sock, keep, projector))


@contextmanager
def stopped_by_sigterm() -> Iterator[None]:
    """While the server starts, SIGTERM ends it with 0, and everything that was begun is put away. It does so once: what is being put
    away is not interrupted again."""

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise SystemExit(0)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def signals_to(stop: asyncio.Event) -> Iterator[None]:
    """While the server runs, SIGTERM and SIGINT set `stop`. After that SIGTERM has been heard, and ends nothing on its way out."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


async def live(settings: Settings, home: Home, conninfo: str, roles: tuple[str, ...], sock: socket.socket | None,
               keep: Sequence[Callable[[], Awaitable[None]]], projector: Child | None) -> None:
    stop = asyncio.Event()
    with signals_to(stop):
        async with open_core(settings, home, conninfo) as core, supervised() as supervisor:
            for run_database in keep:
                supervisor.start("database", run_database)
            if projector:
                ordered(projector, Orders.of(conninfo, key_bytes(settings, home)), supervisor)
            elif "projector" in roles:
                supervisor.start(LOOP, partial(project, conninfo, server_key(settings, home)))
            async with crew(core, supervisor, sock) if "worker" in roles else nullcontext():
                if sock is None:
                    await stop.wait()
                else:
                    await ensure_admin(core)
                    await open_doors(core, supervisor, sock, stop)


@asynccontextmanager
async def supervised() -> AsyncIterator[Supervisor]:
    supervisor = Supervisor()
    try:
        yield supervisor
    finally:
        await supervisor.stop()


@asynccontextmanager
async def crew(core: Core, supervisor: Supervisor, sock: socket.socket | None) -> AsyncIterator[None]:
    at_work = await Crew.start(core, supervisor, address(sock) if sock else core.settings.public_url)
    try:
        yield
    finally:
        await at_work.drain(DRAIN)


async def open_doors(core: Core, supervisor: Supervisor, sock: socket.socket, stop: asyncio.Event) -> None:
    """Serve until `stop`, and say when it answers. Raises what keeps it from answering."""
    started = asyncio.Event()
    serving = asyncio.create_task(serve(create_app(services(core, supervisor, stop)), sock, started, stop))
    starting = asyncio.create_task(started.wait())
    await asyncio.wait({serving, starting}, return_when=asyncio.FIRST_COMPLETED)
    starting.cancel()
    if started.is_set() and not stop.is_set():
        collect_seldom()
        print(f"ready {address(sock)}", flush=True)
    await serving


async def ensure_admin(core: Core) -> None:
    """The user `admin` exists, and the token that the operator set (or, the first time, a new one) is good."""
    users = core.users
    setup = process("setup", "admin")
    admin = await users.find("admin") or await users.made_by(setup)
    if admin is None:
        admin = (await users.create(setup, CreateUser("admin", roles=("admin",)))).id
    given = core.settings.admin_token
    value, new = (given.get_secret_value(), False) if given else core.home.keep_admin_token()
    if await users.authenticate(value) is None:
        await users.issue_token(process("setup", f"admin-token/{digest_of(value).hex()}"), admin, "admin", value=value)
        if await users.authenticate(value) is None:
            where = "ADMIN_TOKEN" if given else f"{core.home.admin_token}"
            logger.warning("the admin's token in %s has been revoked, and stays so: put another there, or remove it", where)
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

