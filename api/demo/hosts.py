"""A real SSH host on this machine, as a process of its own: OpenSSH's sshd where there is one that may run, else `ssh_host`."""

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import asyncssh

from api.demo.ports import free_port
from api.demo.ssh_host import key_pair, me

Kind = Literal["openssh", "asyncssh"]
READY = 20.0  # seconds


class HostFailed(Exception):
    """The server did not come up; the message has its words."""


def sshd() -> str | None:
    """Where OpenSSH's server is, if this machine has it."""
    return shutil.which("sshd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")


class SshHost:
    """`start` and `stop` it as often as you like: keys and port stay. Without `kind`: sshd if it works here, else asyncssh.
    `environment`: for the commands. `wrapper`: a command line that starts the server in surroundings of its own (`unshare …`)."""

    def __init__(
        self, root: Path, kind: Kind | None = None, environment: Mapping[str, str] | None = None, wrapper: Sequence[str] = ()
    ) -> None:
        self.root = root.resolve()
        self.home = self.root / "home"
        self.home.mkdir(parents=True, exist_ok=True)
        self.kind = kind
        self.port = 0
        self._environment = dict(environment or {})
        self._wrapper = tuple(wrapper)
        self._host_key, self._client_key = key_pair(self.root / "host_key"), key_pair(self.root / "client_key")
        self._server: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        """`user@127.0.0.1:port`, as an environment's `hosts` take it."""
        return f"{me()}@127.0.0.1:{self.port}"

    @property
    def known_hosts(self) -> str:
        return self.known_hosts_at(self.port)

    def known_hosts_at(self, port: int) -> str:
        """The line that pins this host's key for another port of 127.0.0.1, which leads here."""
        return f"[127.0.0.1]:{port} {' '.join(self._host_key.export_public_key().decode().split()[:2])}"

    @property
    def private_key(self) -> str:
        """The text of the private key that opens this host."""
        return (self.root / "client_key").read_text()

    async def start(self) -> None:
        """Returns when somebody can log in. Raises HostFailed."""
        for kind in [self.kind] if self.kind else ["openssh", "asyncssh"] if sshd() else ["asyncssh"]:
            try:
                await (self._start_openssh() if kind == "openssh" else self._start_asyncssh())
                await self._log_in()
            except (HostFailed, OSError, asyncssh.Error, TimeoutError) as error:
                words = await self.stop()
                if self.kind or kind == "asyncssh":
                    raise HostFailed(f"the {kind} host did not come up: {error} {words}") from error
            except BaseException:
                await self.stop()
                raise
            else:
                self.kind = "openssh" if kind == "openssh" else "asyncssh"
                return

    async def stop(self) -> str:
        """End the server and its open connections; processes in sessions of their own go on. Returns its last words."""
        server, self._server = self._server, None
        if server is None:
            return ""
        connections = children(server.pid)
        for pid in (server.pid, *connections):
            end(pid)
        try:
            async with asyncio.timeout(5):
                _, said = await server.communicate()
        except TimeoutError:
            server.kill()
            _, said = await server.communicate()
        return said.decode(errors="replace")[-500:]

    async def _start_openssh(self) -> None:
        program = sshd()
        if program is None:
            raise HostFailed("this machine has no sshd")
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd's own folder, which its package makes at boot
        self.port = self.port or free_port()
        config = self.root / "sshd_config"
        config.write_text(self._sshd_config())
        await self._spawn(program, "-D", "-e", "-f", str(config))

    def _sshd_config(self) -> str:
        (self.root / "authorized_keys").write_bytes(self._client_key.export_public_key())
        environment = {"SHLVL": "2", **self._environment}  # bash then leaves the user's own start-up file alone
        variables = " ".join(f'"{name}={value}"' for name, value in environment.items())
        return "\n".join(
            [
                f"Port {self.port}",
                "ListenAddress 127.0.0.1",
                f'HostKey "{self.root}/host_key"',
                f'AuthorizedKeysFile "{self.root}/authorized_keys"',
                "PidFile none",
                "StrictModes no",
                "UsePAM no",
                "PasswordAuthentication no",
                "PermitRootLogin prohibit-password",
                f"AllowUsers {me()}",
                "MaxStartups 200",
                "MaxSessions 100",
                "LogLevel ERROR",
                f"SetEnv {variables}",
                "",
            ]
        )

    async def _start_asyncssh(self) -> None:
        variables = [part for name, value in self._environment.items() for part in ("--env", f"{name}={value}")]
        program = ("-m", "api.demo.ssh_host", "--root", str(self.root), "--port", str(self.port), *variables)
        server = await self._spawn(sys.executable, *program)
        assert server.stdout is not None
        async with asyncio.timeout(READY):
            line = await server.stdout.readline()
        if not line:
            raise HostFailed("it ended at once")
        self.port = json.loads(line)["port"]

    async def _spawn(self, *program: str) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        here = Path(__file__).parents[2]
        self._server = await asyncio.create_subprocess_exec(
            *self._wrapper, *program, cwd=here, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe, start_new_session=True
        )
        return self._server

    async def _log_in(self) -> None:
        """Wait until the server listens, then do what a client does."""
        async with asyncio.timeout(READY):
            while True:
                try:
                    async with asyncssh.connect(
                        "127.0.0.1",
                        self.port,
                        config=None,
                        agent_path=None,
                        username=me(),
                        client_keys=[self._client_key],
                        known_hosts=asyncssh.import_known_hosts(self.known_hosts),
                    ) as connection:
                        await connection.run("true", check=True)
                        return
                except ConnectionRefusedError:
                    if self._server is None or self._server.returncode is not None:
                        raise
                    await asyncio.sleep(0.02)


def children(pid: int) -> list[int]:
    """The processes that `pid` started and that still run (Linux)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
