"""What the contract tests need of a target, whichever it is, and the receipts and logs they hand to deployers."""

import hashlib
import io
import tarfile
from abc import ABC, abstractmethod
from pathlib import Path

from application.ports.deployer import Deployer
from application.ports.executor import Receipt
from application.ports.logs import Level
from domain.event import Json
from domain.task.values import Artifact, Job, Source, Target


class Log:
    """A task log that keeps its lines."""

    def __init__(self, offset: int = 0) -> None:
        self.lines: list[str] = []
        self.levels: list[Level] = []
        self._offset = offset

    def line(self, message: str, level: Level = "info", offset: int | None = None) -> None:
        self.lines.append(message)
        self.levels.append(level)
        self._offset = max(self._offset, offset or 0)

    @property
    def offset(self) -> int:
        return self._offset


def packed(folder: Path, files: dict[str, str | bytes], name: str = "app.tar.gz") -> tuple[Artifact, Path]:
    """A tar.gz with these files, as the artifact store would give it."""
    path = folder / f"{hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()}.tar.gz"
    if path.exists():
        return stored(path, name, unpack=True), path
    with tarfile.open(path, "w:gz") as tar:
        for file, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            info = tarfile.TarInfo(file)
            info.size, info.mode = len(data), 0o644
            tar.addfile(info, io.BytesIO(data))
    return stored(path, name, unpack=True), path


def stored(path: Path, name: str, *, unpack: bool) -> Artifact:
    content = path.read_bytes()
    return Artifact(digest=f"sha256:{hashlib.sha256(content).hexdigest()}", name=name, size=len(content), unpack=unpack)


class Rig(ABC):
    """One environment on one target."""

    deployer: Deployer
    config: Json
    environment_type: str
    secrets: dict[str, str]

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def target(self, **config: object) -> Target:
        return Target(environment_id="env_1", name="production", type=self.environment_type, config={**self.config, **config})

    def receipt(
        self,
        key: str,
        release: str = "v1.0.0-1",
        type: str = "deploy",
        *,
        files: dict[str, str | bytes] | None = None,
        timeout: float = 30.0,
        config: Json | None = None,
        application_config: Json | None = None,
        target: Target | None = None,
        application_id: str = "app_1",
    ) -> Receipt:
        artifact, path = packed(self.folder, files or {"release.txt": release})
        job = Job(
            deployment_id="dep_1",
            type=type,
            application_id=application_id,
            application_name="shop",
            application_config=application_config or {},
            source=Source(version_id="ver_1", repository="https://git.example/shop", git_tag=release.rpartition("-")[0], git_commit="c0ffee"),
            target=target or self.target(),
            config=config or {},
            release=release,
            artifact=artifact,
            timeout=timeout,
        )
        return Receipt(key, job, self.secrets, path)

    @abstractmethod
    def current(self) -> str:
        """The name of the current release, empty if there is none."""

    @abstractmethod
    def receipts(self) -> list[str]:
        """The target's receipts: `start KEY …` and `end KEY …`."""

    def count(self, what: str, key: str) -> int:
        return sum(line.split()[:2] == [what, key] for line in self.receipts())

    @abstractmethod
    def hold(self) -> None:
        """Deployments stop after their switch, at the restart, until `release`."""

    @abstractmethod
    def release(self) -> None: ...

    @abstractmethod
    def fail_next(self) -> None:
        """The next restart fails."""

    @abstractmethod
    async def lose(self) -> None:
        """Cut the target off."""

    @abstractmethod
    async def regain(self) -> None: ...

    @abstractmethod
    async def kill(self, key: str) -> None:
        """Kill whoever does this work on the target."""
