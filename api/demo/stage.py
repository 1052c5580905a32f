"""The demo's world, below one temporary folder: the server, a git server with the service's repository, and a host that speaks SSH."""

import asyncio
import os
import secrets
import shutil
import signal
import tempfile
from pathlib import Path
from types import TracebackType

from api.demo.client import Client
from api.demo.git_server import GitServer
from api.demo.github import GitHub
from api.demo.hosts import SshHost
from api.demo.ports import free_port
from api.demo.repository import Repository
from api.demo.server import TiangongServer, path
from api.demo.service import NAME

GIT_USER = "lin-demo"


class Stage:
    """`patience`: how long the client waits for a server that is away."""

    def __init__(self, patience: float = 0.0) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tiangong-demo-"))
        self.admin_token, self.webhook_secret, self.git_token = ("tgd_" + secrets.token_urlsafe(32), secrets.token_hex(20), secrets.token_hex(20))
        self.server = TiangongServer(self.folder / "home", {"ADMIN_TOKEN": self.admin_token, "GITHUB_WEBHOOK_SECRET": self.webhook_secret})
        self.git = GitServer(self.folder / "git", GIT_USER, self.git_token)
        self.host = SshHost(self.folder / "host", environment={"PATH": path()})
        self.client = Client(self.server.url, self.admin_token, patience)
        self.github = GitHub(f"{self.server.url}/api/v1/webhooks/github", self.webhook_secret, self.git.url(NAME), NAME)
        self.deploy_path = self.host.home / NAME
        self.port = free_port()
        self._repository: Repository | None = None

    @property
    def repository(self) -> Repository:
        """The developer's clone."""
        if self._repository is None:
            self._repository = Repository(self.folder / "clone", self.git.url(NAME), GIT_USER, self.git_token)
        return self._repository

    @property
    def service_url(self) -> str:
        """Where the deployed service answers."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> "Stage":
        try:
            self.git.start()
            await asyncio.to_thread(self.git.create, NAME)
            await self.host.start()
        except BaseException:
            await self.clear()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.clear()

    async def clear(self) -> None:
        """End everything that was started here, and remove the folder."""
        try:
            await self.client.close()
            await self.server.stop()
        finally:
            await self.host.stop()
            self.git.stop()
            self._end_service()
            await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)

    def _end_service(self) -> None:
        """The service that runs on the host, if its process is still the one we know."""
        try:
            pid = int((self.deploy_path / "shop.pid").read_text())
            if str(self.deploy_path) in Path(f"/proc/{pid}/cmdline").read_text():
                os.kill(pid, signal.SIGTERM)
        except (OSError, ValueError):
            return  # none was ever started, or it has ended
