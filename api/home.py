"""HOME: the folder that holds everything of one server that is not in its database, and the database itself unless it is elsewhere."""

import fcntl
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType


class HomeInUse(Exception):
    """Another server runs on this HOME."""


class Home:
    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self.postgres = self.path / "postgres"
        self.artifacts = self.path / "artifacts"
        self.workspaces = self.path / "workspaces"
        self.admin_token = self.path / "admin-token"
        self._lock: int | None = None

    def make(self) -> None:
        """Create it, mode 0700. What exists keeps its mode; its parents are made as the umask says."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.mkdir(mode=0o700, exist_ok=True)

    def __enter__(self) -> "Home":
        """Take it for this process alone. The lock goes with the process, however it ends. Raises HomeInUse."""
        self.make()
        self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._lock, 32, 0).decode().strip() or "unknown"
            os.close(self._lock)
            self._lock = None
            raise HomeInUse(f"another server (process {holder}) runs on {self.path}: stop it, or choose another --home") from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def keep_admin_token(self) -> tuple[str, bool]:
        """The admin's token: the kept one, or a new one (then True), readable by the owner alone."""
        if kept := self._kept_token():
            return kept, False
        value = "tgd_" + secrets.token_urlsafe(32)
        self._write_token(value)
        kept = self._kept_token()
        return kept, kept == value

    def _kept_token(self) -> str:
        """'' where there is none; a file without a word in it is none."""
        with suppress(FileNotFoundError):
            return self.admin_token.read_text().strip()
        return ""

    def _write_token(self, value: str) -> None:
        """It stands there complete, or not at all; of two starters that come together both use the first one's."""
        handle, name = tempfile.mkstemp(dir=self.path, prefix=".admin-token-")  # mode 0600
        try:
            with open(handle, "w") as file:
                file.write(value + "\n")
                file.flush()
                os.fsync(file.fileno())
            if self.admin_token.exists() and not self._kept_token():
                self.admin_token.unlink(missing_ok=True)
            with suppress(FileExistsError):
                os.link(name, self.admin_token)
        finally:
            os.unlink(name)
