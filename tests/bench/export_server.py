"""The HTTP side of a server in a process of its own, for a log that is longer than what its read models know: there is no projector.
`python tests/bench/export_server.py CONNINFO HOME` prints its port, and ends when its input does."""

import asyncio
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from psycopg_pool import AsyncConnectionPool

from adapters.event_store.files import PostgresAuditFiles
from adapters.event_store.log import PostgresLog
from adapters.event_store.past import PastLog
from adapters.secrets import PostgresSecrets
from api.serving import address, bind, serve
from api.settings import Settings
from application.house import House
from projections.engine.positions import Positions
from projections.travel.machine import TimeMachine
from tests.api.house import KEY, SIGNER, assembled, open_rig

ROOT = Path(__file__).parent.parent.parent


async def signed_up(conninfo: str, home: Path) -> str:
    """The token of an administrator, on a new database."""
    async with open_rig(conninfo, home) as rig:
        return rig.tokens["admin"]


async def run(conninfo: str, home: Path) -> None:
    pool = AsyncConnectionPool(conninfo, min_size=1, max_size=8, timeout=5, open=False)
    async with pool, PostgresLog(conninfo, key=KEY) as log, Positions(conninfo) as positions, TimeMachine(conninfo, PastLog(KEY)) as past:
        rig = assembled(House(log), pool, positions, PostgresSecrets(pool, None, home), Settings(home=home, host="127.0.0.1", port=0),
                        PostgresAuditFiles(conninfo, SIGNER), past)
        sock, started = bind("127.0.0.1", 0), asyncio.Event()
        serving = asyncio.create_task(serve(rig.app, sock, started, rig.services.stopping))
        await asyncio.wait_for(started.wait(), 20)
        print(address(sock), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        rig.services.stopping.set()
        await asyncio.wait_for(serving, 20)


class Server:
    """The process, seen from outside."""

    def __init__(self, conninfo: str, home: Path, token: str) -> None:
        self._command, self._token = [sys.executable, "-m", "tests.bench.export_server", conninfo, str(home)], token

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.communicate(timeout=30)

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self._token}"}, timeout=170)

    def memory(self, name: str = "VmRSS") -> float:
        return memory(self._process.pid, name)


def memory(pid: int, name: str = "VmRSS") -> float:
    """MiB; `VmHWM` is the most that the process ever had. 0 where it has none any more."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:")), 0.0)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Path(sys.argv[2])))
