"""Real SSH hosts for tests (see `api.demo.hosts`), and a wire to them that can be cut."""

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

from api.demo.hosts import Kind, SshHost, sshd
from tests.support.require import require

__all__ = ["Kind", "SshHost", "Wire", "host", "own_folder", "small_disk", "wire"]


@contextlib.asynccontextmanager
async def host(
    root: Path, kind: Kind | None = None, environment: dict[str, str] | None = None, wrapper: tuple[str, ...] = ()
) -> AsyncIterator[SshHost]:
    """A started host. `kind` openssh is skipped where there is no sshd."""
    if kind == "openssh":
        require("ssh", sshd() is not None, "there is no sshd (Debian: openssh-server)")
    started = SshHost(root, kind, environment, wrapper)
    await started.start()
    try:
        yield started
    finally:
        await started.stop()


def own_folder(place: Path, own: Path) -> tuple[str, ...]:
    """A wrapper for hosts that share this machine's file system: to the host, `place` is its own folder `own`."""
    return (*namespace(), "sh", "-c", 'mount --bind "$1" "$0" && shift && exec "$@"', str(place), str(own))


def small_disk(place: Path, size: str, mode: str = "rw") -> tuple[str, ...]:
    """A wrapper: to the host, `place` is a file system of its own of that size (`64k`), `ro` or `rw`."""
    return (*namespace(), "sh", "-c", 'mount -t tmpfs -o "$1" none "$0" && shift && exec "$@"', str(place), f"size={size},{mode}")


def namespace() -> tuple[str, ...]:
    """A command that gives what it starts mounts of its own; skips where that is not allowed."""
    command = ("unshare", "--mount") if os.getuid() == 0 else ("unshare", "--mount", "--map-root-user")
    found = shutil.which("unshare") is not None and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    require("namespaces", found, "unshare --mount is missing or not allowed")
    return command


class Wire:
    """A TCP relay to `port` of 127.0.0.1. `cut`: connections break and new ones are refused. `freeze`: nothing passes any more and
    nobody is told, as when a cable is pulled. `mend`: as before, on the same port. `limit`: cut after so many bytes to the host."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self.passed = 0
        """Bytes that went to the host."""
        self.limit = 0
        self._to = port
        self._server: asyncio.Server | None = None
        self._open = asyncio.Event()
        self._relays: set[asyncio.Task[None]] = set()

    async def mend(self) -> None:
        self._open.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    def freeze(self) -> None:
        self._open.clear()

    async def cut(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for task in list(self._relays):
            task.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)
        await server.wait_closed()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._relays.add(task)
        ends = [writer]
        try:
            await self._open.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
            ends.append(far_writer)
            await asyncio.gather(self._pump(reader, far_writer, outward=True), self._pump(far_reader, writer, outward=False))
        except (OSError, asyncio.CancelledError):
            return  # one end is gone: so is the other
        finally:
            self._relays.discard(task)
            for end in ends:
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, outward: bool) -> None:
        while data := await reader.read(1 << 16):
            await self._open.wait()
            self.passed += len(data) if outward else 0
            if self.limit and self.passed > self.limit:
                raise ConnectionAbortedError
            writer.write(data)
            await writer.drain()
        writer.write_eof()


@contextlib.asynccontextmanager
async def wire(port: int) -> AsyncIterator[Wire]:
    made = Wire(port)
    await made.mend()
    try:
        yield made
    finally:
        await made.cut()
