"""Repositories over SSH: git, the machine's own ssh, and a real SSH server of this process."""

import asyncio
import base64
import shlex
import shutil
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from adapters.artifacts.files import FileArtifacts
from adapters.build.runner import BuildRunner
from tests.build.conftest import Bench, Lines
from tests.support.require import require


async def serve_git(process: "asyncssh.SSHServerProcess[bytes]") -> None:
    git = await asyncio.create_subprocess_exec(*shlex.split(process.command or "false"), stdin=PIPE, stdout=PIPE)
    listening = asyncio.create_task(copy(process.stdin, git.stdin))
    await copy(git.stdout, process.stdout)
    process.exit(await git.wait())
    listening.cancel()


async def copy(source: Any, target: Any) -> None:
    while piece := await source.read(65536):
        target.write(piece)
        await target.drain()
    target.write_eof()


@asynccontextmanager
async def ssh_server(folder: Path, key: asyncssh.SSHKey, port: int = 0) -> AsyncIterator[int]:
    """It lets in whoever has `key`, under a host key of its own."""
    key.write_public_key(folder / "authorized")
    async with asyncssh.listen("127.0.0.1", port, server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")], encoding=None,
                               authorized_client_keys=str(folder / "authorized"), process_factory=serve_git, reuse_address=True) as server:
        yield server.get_port()


@pytest.fixture(autouse=True)
def ssh_is_here() -> None:
    require("ssh", shutil.which("ssh") is not None, "there is no ssh program for git to use")


@pytest.fixture
def spaced(bench: Bench, tmp_path: Path) -> Bench:
    """Workspaces below a folder whose name ssh could misread."""
    workspaces = tmp_path / "work spaces 100%h"
    return Bench(BuildRunner(workspaces, FileArtifacts(tmp_path / "artifacts")), bench.artifacts, workspaces, bench.repo)


def exported(key: asyncssh.SSHKey) -> str:
    return key.export_private_key().decode()


@pytest.mark.parametrize("given", [exported, lambda key: base64.b64encode(exported(key).encode()).decode(), lambda key: exported(key).strip()])
async def test_a_repository_is_read_with_the_applications_key_which_is_gone_afterwards(spaced: Bench, tmp_path: Path, given):
    commit = spaced.repo.commit({"a.txt": "over ssh"}, "v1")
    key = asyncssh.generate_private_key("ssh-ed25519")
    async with ssh_server(tmp_path, key) as port:
        url = f"ssh://git@127.0.0.1:{port}{spaced.repo.bare}"
        receipt = spaced.receipt(repository=url, tag="v1", commit=commit, secrets={"application.git_ssh_key": given(key)})
        outcome = await spaced.runner.apply(receipt, spaced.log)
    assert outcome.state == "succeeded", spaced.log.text
    assert (spaced.workspaces / "dep_1/app_1/source/a.txt").read_text() == "over ssh"
    assert not [path for path in spaced.workspaces.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()]


async def test_another_key_or_none_is_refused_in_sshs_words(bench: Bench, tmp_path: Path):
    commit = bench.repo.commit({"a.txt": "x"})
    async with ssh_server(tmp_path, asyncssh.generate_private_key("ssh-ed25519")) as port:
        for number, secrets in enumerate(({"application.git_ssh_key": exported(asyncssh.generate_private_key("ssh-ed25519"))}, {})):
            url = f"ssh://git@127.0.0.1:{port}{bench.repo.bare}"
            outcome = await bench.runner.apply(bench.receipt(key=f"task_{number}-1", repository=url, commit=commit, secrets=secrets), Lines())
            assert outcome.state == "failed"
            assert "Permission denied" in outcome.error


async def test_a_host_whose_key_has_changed_is_refused(bench: Bench, tmp_path: Path):
    commit = bench.repo.commit({"a.txt": "x"})
    key = asyncssh.generate_private_key("ssh-ed25519")
    secrets = {"application.git_ssh_key": exported(key)}
    async with ssh_server(tmp_path, key) as port:
        url = f"ssh://git@127.0.0.1:{port}{bench.repo.bare}"
        assert (await bench.runner.apply(bench.receipt(repository=url, commit=commit, secrets=secrets), Lines())).state == "succeeded"
    async with ssh_server(tmp_path, key, port):
        outcome = await bench.runner.apply(bench.receipt(key="task_1-2", repository=url, commit=commit, secrets=secrets), Lines())
    assert outcome.state == "failed"
    assert "Host key verification failed" in outcome.error
