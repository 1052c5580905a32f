"""Content-addressed files: `ROOT/sha256/ab/abcdef…`. A file stands under its name complete and synced, or not at all."""

import hashlib
import os
import re
import tempfile
import time
from pathlib import Path
from typing import IO

from application.ports.artifacts import StorageFailed
from domain.task.values import Artifact

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
PIECE = 1 << 20
ABANDONED = 86400
"""Seconds after which a half-written file of a process that died is removed."""

Mark = tuple[int, int, int, int]


class FileArtifacts:
    """An `ArtifactStore` below a folder that belongs to the server's user. Several processes may share it."""

    def __init__(self, root: Path) -> None:
        self._files, self._incoming = root / "sha256", root / "incoming"
        self._verified: dict[str, Mark] = {}
        for folder in (root, self._files, self._incoming):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in self._incoming.iterdir():
            if left.stat().st_mtime < time.time() - ABANDONED:
                left.unlink(missing_ok=True)

    def add(self, path: Path, name: str) -> Artifact:
        try:
            with path.open("rb") as source:
                hexdigest, size = self._store(source)
        except OSError as error:
            raise StorageFailed(f"cannot store {name}: {error.strerror or error}") from error
        return Artifact(digest=f"sha256:{hexdigest}", name=name, size=size)

    def path(self, digest: str) -> Path:
        if not DIGEST.fullmatch(digest):
            raise StorageFailed(f"not the digest of an artifact: {digest}")
        path = self._place(digest.removeprefix("sha256:"))
        try:
            mark = _mark(path)
            if self._verified.get(digest) != mark:
                self._verify(path, digest)
                self._verified[digest] = mark
        except FileNotFoundError:
            raise StorageFailed(f"the artifact {digest} is not in the store") from None
        except OSError as error:
            raise StorageFailed(f"cannot read the artifact {digest}: {error.strerror or error}") from error
        return path

    def _place(self, hexdigest: str) -> Path:
        return self._files / hexdigest[:2] / hexdigest

    def _store(self, source: IO[bytes]) -> tuple[str, int]:
        """Digest and size of what was stored. A file that stands there already is replaced by the same: it may have been damaged."""
        descriptor, name = tempfile.mkstemp(dir=self._incoming)
        incoming = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as target:
                digest = _copy(source, target)
                size = target.tell()
            place = self._place(digest)
            place.parent.mkdir(exist_ok=True, mode=0o700)
            incoming.replace(place)
        except BaseException:
            incoming.unlink(missing_ok=True)
            raise
        _sync(place.parent)
        _sync(self._files)
        return digest, size

    def _verify(self, path: Path, digest: str) -> None:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != f"sha256:{found}":
            raise StorageFailed(f"the artifact {digest} is damaged: its content has the digest sha256:{found}")


def _copy(source: IO[bytes], target: IO[bytes]) -> str:
    """Copy to the disk itself, not only to its cache; the content's SHA-256."""
    digest = hashlib.sha256()
    while piece := source.read(PIECE):
        digest.update(piece)
        target.write(piece)
    target.flush()
    os.fsync(target.fileno())
    return digest.hexdigest()


def _mark(path: Path) -> Mark:
    """Changes whenever the content may have."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
