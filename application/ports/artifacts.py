"""The port to the artifact store: files by the SHA-256 of their content."""

from pathlib import Path
from typing import Protocol

from domain.task.values import Artifact


class StorageFailed(Exception):
    """The store could not take or give a file: the disk is full, the content does not match its digest. The message has the reason."""


class ArtifactStore(Protocol):
    def add(self, path: Path, name: str) -> Artifact:
        """Take a copy of the file at `path`; the same content twice is stored once. Raises StorageFailed and leaves nothing half-written."""

    def path(self, digest: str) -> Path:
        """The stored file of a digest (`sha256:…`), verified. Raises StorageFailed where it is missing or damaged."""
