"""The server as its operator starts it: `tiangong up` in a process of its own, its output in a file."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from api.demo.ports import free_port

HERE = Path(__file__).parents[2]
READY, STOP, COMMAND = 90.0, 60.0, 120.0  # seconds


class ServerFailed(Exception):
    """It did not do what it should; the message has its last words."""


class TiangongServer:
    """On one home and one port; may be started, stopped and killed again and again."""

    def __init__(self, home: Path, settings: Mapping[str, str]) -> None:
        """`settings`: by name without the prefix (`ADMIN_TOKEN`)."""
        self.home, self.port = home, free_port()
        self.output = home.with_name(home.name + ".log")
        self._settings = {f"TIANGONG_{name}": value for name, value in settings.items()}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> float:
        """Returns when the server says that it is ready, with the seconds that took. Raises ServerFailed."""
        began, ready = time.monotonic(), f"ready {self.url}"
        with self.output.open("ab") as out:
            offset = out.tell()
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "api.cli", "up", "--home", str(self.home), "--port", str(self.port), cwd=HERE, env=self._environment(),
                stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        while ready not in self._said(offset):
            if self._process.returncode is not None:
                raise ServerFailed(f"the server ended with {self._process.returncode} before it was ready:\n{self.tail()}")
            if time.monotonic() - began > READY:
                raise ServerFailed(f"the server was not ready within {READY:g} s:\n{self.tail()}")
            await asyncio.sleep(0.02)
        return time.monotonic() - began

    async def stop(self) -> int:
        """SIGTERM: the server drains and ends; its exit code. Nothing to do if it does not run."""
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP):
                code = await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            raise ServerFailed(f"the server did not end within {STOP:g} s of SIGTERM:\n{self.tail()}") from None
        self._process = None
        return code

    async def kill(self) -> None:
        """SIGKILL: no word of farewell. Its database and its builds must see to themselves."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()
        self._process = None

    async def command(self, *arguments: str) -> str:
        """Run `tiangong …` on the same home; what it printed. Raises ServerFailed where it ends with another code than 0."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "api.cli", *arguments, cwd=HERE, env=self._environment() | {"TIANGONG_HOME": str(self.home)},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        try:
            async with asyncio.timeout(COMMAND):
                said, errors = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise ServerFailed(f"tiangong {' '.join(arguments)} did not end within {COMMAND:g} s") from None
        if process.returncode:
            raise ServerFailed(f"tiangong {' '.join(arguments)} ended with {process.returncode}: {said.decode()}{errors.decode()}")
        return said.decode().strip()

    def tail(self, lines: int = 30) -> str:
        """The last lines of its output."""
        return "\n".join(self._said(0).splitlines()[-lines:])

    def _said(self, offset: int) -> str:
        if not self.output.exists():
            return ""
        with self.output.open("rb") as file:
            file.seek(offset)
            return file.read().decode(errors="replace")

    def _environment(self) -> dict[str, str]:
        """Ours without the settings of another server; `python3` is the one that runs this, and no proxy stands before this machine."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith("TIANGONG_")}
        near = ",".join(filter(None, (ours.get("no_proxy") or ours.get("NO_PROXY"), "127.0.0.1")))
        return ours | self._settings | {"PATH": path(), "PYTHONUNBUFFERED": "1", "no_proxy": near, "NO_PROXY": near}


def path() -> str:
    """`PATH` on which `python3` is found, whatever this machine calls it."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
