"""Workspaces: one folder for each application of a deployment, used by one job at a time, of any process.

    ROOT/<deployment>/<application>/  lock, state (JSON), source/ (the checkout), home/, tmp/, private/
"""

import asyncio
import contextlib
import fcntl
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec

SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
POLL = 0.1


class State(msgspec.Struct, frozen=True):
    """What a workspace holds. Without one, nothing that can be relied on."""

    recipe: str
    """Digest of what it was made from."""
    commit: str
    built: bool
    """The build's commands have ended well here; else it is a checkout."""


class Workspace:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source, self.home, self.tmp, self.private = (folder / name for name in ("source", "home", "tmp", "private"))
        self._state = folder / "state"

    def clear(self) -> None:
        """Remove everything but the lock, and make the folders anew."""
        self.forget_state()
        for folder in (self.source, self.home, self.tmp, self.private):
            remove(folder)
            folder.mkdir(mode=0o700)

    def fresh_private(self) -> Path:
        remove(self.private)
        self.private.mkdir(mode=0o700)
        return self.private

    def state(self) -> State | None:
        try:
            return msgspec.json.decode(self._state.read_bytes(), type=State)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def keep_state(self, state: State) -> None:
        new = self._state.with_name("state.new")
        new.write_bytes(msgspec.json.encode(state))
        new.replace(self._state)

    def forget_state(self) -> None:
        self._state.unlink(missing_ok=True)

    @contextlib.contextmanager
    def try_lock(self) -> Iterator[int | None]:
        """The lock's descriptor, or None when somebody else has it."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            yield descriptor if _locked(descriptor, self.folder / "lock") else None
        finally:
            os.close(descriptor)

    @contextlib.asynccontextmanager
    async def lock(self, on_wait: Callable[[], None]) -> AsyncIterator[int]:
        """Wait for the lock; the caller has the deadline. `on_wait` is called once, if it is not free at once."""
        told = False
        while True:
            with self.try_lock() as descriptor:
                if descriptor is not None:
                    yield descriptor
                    return
            if not told:
                on_wait()
                told = True
            await asyncio.sleep(POLL)

    def in_use(self) -> bool:
        if not self.folder.is_dir():
            return False
        with self.try_lock() as descriptor:
            return descriptor is None

    def touch(self) -> None:
        """Count as the newest."""
        os.utime(self.folder.parent)


def _locked(descriptor: int, path: Path) -> bool:
    """Whether this is the lock now, and the lock of the folder as it is: it may have been removed since it was opened."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(descriptor).st_ino == path.stat().st_ino
    except (BlockingIOError, FileNotFoundError):
        return False


class Workspaces:
    """The newest `keep` deployments' workspaces stay, and those in use."""

    def __init__(self, root: Path, keep: int) -> None:
        self.root, self._keep = root, keep
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def of(self, deployment: str, application: str) -> Workspace:
        names = (deployment, application or "_")
        if not all(map(SAFE.fullmatch, names)):
            raise ValueError(f"not ids that a folder can be named by: {names}")
        return Workspace(self.root.joinpath(*names))

    def prune(self) -> None:
        """Remove the oldest deployments' workspaces that nobody uses."""
        folders = sorted(self._deployments(), key=lambda folder: folder.stat().st_mtime_ns, reverse=True)
        for folder in folders[self._keep:]:
            self.forget(folder.name)

    def forget(self, deployment: str) -> bool:
        """Remove a deployment's workspaces; false where one of them is in use, which stays."""
        folder = self.root / deployment
        if not SAFE.fullmatch(deployment) or not folder.is_dir():
            return True
        gone = [self._remove(Workspace(child)) for child in folder.iterdir()]
        with contextlib.suppress(OSError):  # somebody came meanwhile
            folder.rmdir()
        return all(gone)

    def _deployments(self) -> list[Path]:
        return [folder for folder in self.root.iterdir() if folder.is_dir()]

    def _remove(self, workspace: Workspace) -> bool:
        with workspace.try_lock() as descriptor:
            if descriptor is not None:
                remove(workspace.folder)
            return descriptor is not None


def remove(folder: Path) -> None:
    """Remove a tree, also what a build has made read-only (Go's module cache)."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except PermissionError:
        for path, names, _ in os.walk(folder):
            for name in names:
                if not os.path.islink(inner := os.path.join(path, name)):
                    os.chmod(inner, 0o700)
        shutil.rmtree(folder)
