"""One connection to one host. What goes over it: a script of this folder on the standard input of `sh`, never a value in a command."""

import asyncio
import getpass
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncssh

from adapters.deployers.ssh.credentials import pinned
from adapters.deployers.ssh.settings import Host, Settings
from application.ports.executor import Terminal, Transient

LOST = (asyncssh.Error, OSError, EOFError)
CHUNK = 1 << 16
NOT_PINNED = "{}: the host key is not the pinned one; nothing was sent to it"


@dataclass(frozen=True)
class Patience:
    """How long we wait, in seconds: for a connection, for a silent one, for the answer to a short question."""

    connect: float = 10.0
    silence: float = 10.0
    answer: float = 30.0


class Lost(Transient):
    """The connection broke or went silent: what runs there, runs on."""


class Refused(Exception):
    """A script said no before it began anything. The message is the host's."""


@dataclass(frozen=True)
class Link:
    host: Host
    connection: asyncssh.SSHClientConnection

    @property
    def name(self) -> str:
        return self.host.name

    @asynccontextmanager
    async def process(self, command: str) -> AsyncIterator[asyncssh.SSHClientProcess[bytes]]:
        """Run a command that is a constant of ours; whatever breaks the connection raises Lost."""
        process = None
        try:
            process = await self.connection.create_process(command, encoding=None)
            yield process
        except LOST as error:
            raise Lost(f"{self.name}: the connection was lost: {reason(error)}") from error
        finally:
            if process is not None:
                process.close()


@asynccontextmanager
async def connect(settings: Settings, host: Host, patience: Patience) -> AsyncIterator[Link]:
    """Raises Terminal for a host key that is not pinned or a refused login, before any command; Transient when nobody answers."""
    connection = await open_connection(settings, host, patience)
    try:
        yield Link(host, connection)
    finally:
        connection.abort()
        await connection.wait_closed()


@asynccontextmanager
async def answer_within(name: str, patience: Patience) -> AsyncIterator[None]:
    """A limit for short questions; a host that says nothing is out of sight (Transient)."""
    try:
        async with asyncio.timeout(patience.answer):
            yield
    except TimeoutError:
        raise Transient(f"{name}: no answer within {patience.answer:g} s") from None


async def open_connection(settings: Settings, host: Host, patience: Patience) -> asyncssh.SSHClientConnection:
    name_ourselves()
    if not any(pinned(settings.known, host.address, host.port)):
        raise Terminal(f"{host.name}: no host key is pinned for it in known_hosts: look at the health check's fingerprints and pin one")
    try:
        async with asyncio.timeout(patience.connect):
            return await asyncssh.connect(host.address, host.port, **options(settings, host, patience))
    except asyncssh.HostKeyNotVerifiable:
        raise Terminal(NOT_PINNED.format(host.name)) from None
    except asyncssh.KeyExchangeFailed as error:
        if await shows_another_key(settings, host, patience):
            raise Terminal(NOT_PINNED.format(host.name)) from None
        raise Terminal(f"{host.name}: no common way to speak: {error.reason}") from None
    except asyncssh.PermissionDenied:
        raise Terminal(f"{host.name}: {host.user} may not log in with ssh_key") from None
    except TimeoutError:
        raise Transient(f"{host.name}: no answer within {patience.connect:g} s") from None
    except asyncssh.ConnectionLost as error:
        if await shows_another_key(settings, host, patience):  # a server without a key of the pinned kind just hangs up
            raise Terminal(NOT_PINNED.format(host.name)) from None
        raise Transient(f"{host.name}: cannot be reached: {reason(error)}") from error
    except LOST as error:
        raise Transient(f"{host.name}: cannot be reached: {reason(error)}") from error


async def shown_key(host: Host, patience: Patience, kinds: Sequence[str] = ()) -> asyncssh.SSHKey | None:
    """The key that the host shows, of one of these kinds if any are named; none if it does not answer."""
    try:
        async with asyncio.timeout(patience.connect):
            return await asyncssh.get_server_host_key(host.address, host.port, config=None, server_host_key_algs=list(kinds) or "default")
    except LOST:
        return None


async def shows_another_key(settings: Settings, host: Host, patience: Patience) -> bool:
    """For keys that are pinned one by one; what a pinned authority has signed was judged during the handshake."""
    keys, authorities = pinned(settings.known, host.address, host.port)
    key = await shown_key(host, patience) if not authorities else None
    return key is not None and key not in keys


def options(settings: Settings, host: Host, patience: Patience) -> dict[str, object]:
    """Nothing of this machine's own SSH set-up counts: no config file, no agent, no other keys, no passwords."""
    return {
        "config": None,
        "username": host.user,
        "client_keys": [settings.key],
        "known_hosts": settings.known,
        "x509_trusted_certs": None,
        "agent_path": None,
        "preferred_auth": ["publickey"],
        "compression_algs": None,
        "keepalive_interval": patience.silence / 3,
        "keepalive_count_max": 2,
    }


def name_ourselves() -> None:
    """asyncssh asks who we are although each host's user is named, and gives up on a user id without a name (in a container)."""
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["LOGNAME"] = "tiangong"


def reason(error: BaseException) -> str:
    if isinstance(error, asyncssh.DisconnectError | asyncssh.ChannelOpenError):
        return error.reason or type(error).__name__
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
