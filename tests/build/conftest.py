"""A real git server, a repository on it, and a build runner with a real artifact store."""

import os
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import pytest

from adapters.artifacts.files import FileArtifacts
from adapters.build.runner import BuildRunner, BuildSettings
from api.demo.git_server import GitServer
from application.ports.executor import Receipt
from domain.task.values import Job, Source, Target

TOKEN = "tok-3n of the forge"
NONE: Mapping[str, object] = MappingProxyType({})


class Lines(list[tuple[str, str]]):
    """A task log in memory."""

    offset = 0

    def line(self, message: str, level: str = "info", offset: int | None = None) -> None:
        self.append((level, message))

    @property
    def text(self) -> str:
        return "\n".join(message for _, message in self)


@dataclass
class Repo:
    """A bare repository on the server, and a working copy that pushes to it."""

    url: str
    bare: Path
    work: Path

    def git(self, *arguments: str) -> str:
        env = {"PATH": os.environ["PATH"], "HOME": str(self.work), "GIT_CONFIG_NOSYSTEM": "1"}
        who = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        argv = ["git", *who, *arguments]
        return subprocess.run(argv, cwd=self.work, env=env, check=True, capture_output=True, text=True, timeout=30).stdout.strip()

    def commit(self, files: dict[str, str], tag: str = "", *, annotated: bool = True) -> str:
        """Commit and push; the commit's id."""
        for name, text in files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", ".")
        self.git("commit", "-q", "--allow-empty", "-m", "work")
        if tag:
            self.git("tag", *(["-a", "-m", tag] if annotated else []), tag)
        self.git("push", "-q", str(self.bare), "main", "--tags")
        return self.git("rev-parse", "HEAD")


def make_repo(server: GitServer, folder: Path, name: str = "demo") -> Repo:
    work = folder / f"{name}-work"
    work.mkdir()
    repo = Repo(server.url(name), server.create(name), work)
    repo.git("init", "-q", "-b", "main")
    return repo


@dataclass
class Bench:
    """Makes receipts for one repository, and runs them."""

    runner: BuildRunner
    artifacts: FileArtifacts
    workspaces: Path
    repo: Repo
    log: Lines = field(default_factory=Lines)

    def receipt(
        self, type: str = "build", key: str = "task_1-1", *, tag: str = "", commit: str = "", repository: str = "",
        config: Mapping[str, object] = NONE, application: Mapping[str, object] = NONE, secrets: dict[str, str] | None = None,
        timeout: float = 60.0, deployment: str = "dep_1", application_id: str = "app_1",
    ) -> Receipt:
        source = Source(version_id="ver_1", repository=repository or self.repo.url, git_tag=tag, git_commit=commit)
        target = Target(environment_id="env_1", name="production", type="physical", config={})
        job = Job(
            deployment_id=deployment, type=type, application_id=application_id, application_name="shop", application_config=dict(application),
            source=source, target=target, config=dict(config), release="v1-1", timeout=timeout,
        )
        return Receipt(key, job, {"application.git_token": TOKEN} if secrets is None else secrets)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    (tmp_path / "repos").mkdir()
    server = GitServer(tmp_path / "repos", "ci", TOKEN)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def repo(server: GitServer, tmp_path: Path) -> Repo:
    return make_repo(server, tmp_path)


@pytest.fixture
async def bench(repo: Repo, tmp_path: Path) -> AsyncIterator[Bench]:
    artifacts = FileArtifacts(tmp_path / "artifacts")
    settings = BuildSettings(git_file_roots=(tmp_path / "repos",), grace=0.5, keep_workspaces=2)
    runner = BuildRunner(tmp_path / "workspaces", artifacts, settings)
    yield Bench(runner, artifacts, tmp_path / "workspaces", repo)
    await runner.close()
