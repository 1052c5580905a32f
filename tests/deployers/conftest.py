"""SSH hosts that a module's tests share, and a rig on one of them for each test."""

import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.deployers.ssh_rig import SshRig
from tests.real.hosts import Kind, SshHost, host, wire
from tests.support.require import require


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ssh_host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SshHost]:
    """Parametrized with a kind of server, or `busybox`: a host that has busybox's programs and no others."""
    kind: Kind | str = getattr(request, "param", "asyncssh")
    root = tmp_path_factory.mktemp("host")
    environment = {"PATH": busybox(root / "bin")} if kind == "busybox" else {}
    async with host(root, "openssh" if kind == "openssh" else "asyncssh", environment) as started:
        yield started


def busybox(folder: Path) -> str:
    program = shutil.which("busybox")
    require("busybox", program is not None, "there is no busybox (Debian: busybox-static)")
    assert program is not None
    folder.mkdir()
    for name in subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split():
        (folder / name).symlink_to(program)
    return str(folder)


@pytest_asyncio.fixture(loop_scope="module")
async def rig(ssh_host: SshHost, tmp_path: Path) -> AsyncIterator[SshRig]:
    async with wire(ssh_host.port) as line:
        yield SshRig(tmp_path, ssh_host, line)
