"""A physical environment on a real SSH host, with a wire that can be cut."""

import base64
import contextlib
import os
import signal
from pathlib import Path

from adapters.deployers.ssh import Patience, SshDeployer
from tests.deployers.rig import Rig
from tests.real.hosts import SshHost, Wire
from tests.support.waiting import until

QUICK = Patience(connect=5.0, silence=1.5, answer=10.0)


class SshRig(Rig):
    """Its restart command looks at two files: `fail` (end with 3, once) and `hold` (wait until it is gone)."""

    environment_type = "physical"

    def __init__(self, folder: Path, host: SshHost, wire: Wire, name: str = "app") -> None:
        super().__init__(folder)
        self.deployer = SshDeployer(QUICK)
        self.host, self.wire = host, wire
        self.signs = host.home / "signs" / folder.name
        self.signs.mkdir(parents=True)
        self.path = host.home / "srv" / folder.name / name
        self.secrets = {"environment.ssh_key": base64.b64encode(host.private_key.encode()).decode()}
        self.config = {
            "hosts": [f"{host.address.rpartition(':')[0]}:{wire.port}"],
            "ssh_key": {"secret": "sec_1"},
            "known_hosts": host.known_hosts_at(wire.port),
            "deploy_path": str(self.path),
            "restart_command": f"if rm '{self.signs}/fail' 2>/dev/null; then exit 3; fi; while [ -e '{self.signs}/hold' ]; do sleep 0.05; done",
        }

    @property
    def state(self) -> Path:
        return self.path / ".tiangong"

    def job(self, key: str) -> Path:
        return self.state / "jobs" / key

    def current(self) -> str:
        link = self.path / "current"
        return link.resolve().name if link.is_symlink() else ""

    def receipts(self) -> list[str]:
        file = self.state / "receipts"
        return file.read_text().splitlines() if file.exists() else []

    def hold(self) -> None:
        (self.signs / "hold").touch()

    def release(self) -> None:
        (self.signs / "hold").unlink(missing_ok=True)

    def fail_next(self) -> None:
        (self.signs / "fail").touch()

    async def lose(self) -> None:
        await self.wire.cut()

    async def regain(self) -> None:
        await self.wire.mend()

    async def kill(self, key: str) -> None:
        """The script and the command it waits for."""
        await until(lambda: self.pid(key) and self.pid(key, "command"))
        script, command = self.pid(key), self.pid(key, "command")
        os.killpg(script, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):  # it may have been of the script's group still
            os.killpg(command, signal.SIGKILL)

    def pid(self, key: str, file: str = "start") -> int:
        """0 as long as it is not known."""
        path = self.job(key) / file
        lines = path.read_text().splitlines() if path.exists() else []
        return next((int(line.removeprefix("pid=")) for line in lines if line.startswith("pid=")), 0)

    async def forget_end(self, key: str) -> None:
        """As if the job had been killed before its end."""
        await until(lambda: not members(self.pid(key)))
        for file in ("end", "closing"):
            (self.job(key) / file).unlink()

    async def begun(self, key: str, file: str = "start") -> None:
        await until((self.job(key) / file).exists)


def members(group: int) -> list[str]:
    """The processes of a process group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, fields = stat.read_text().rpartition(")")
            if fields.split()[2] == str(group) and fields.split()[0] != "Z":
                found.append(name)
    return found
