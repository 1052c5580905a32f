"""The embedded PostgreSQL: start it, or find it running; stop it, unless somebody else still uses it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from adapters.embedded_postgres.binaries import find_binaries
from adapters.embedded_postgres.cluster import ensure_cluster
from adapters.embedded_postgres.deadline import Deadline
from adapters.embedded_postgres.errors import EmbeddedPostgresError
from adapters.embedded_postgres.identity import Identity, choose_identity
from adapters.embedded_postgres.launch import await_answer, prepare_socket, spawn
from adapters.embedded_postgres.layout import Layout
from adapters.embedded_postgres.locks import FileLock, alone
from adapters.embedded_postgres.log_file import LogFile, LogKeeper
from adapters.embedded_postgres.presence import look
from adapters.embedded_postgres.probe import conninfo, forget_other_databases
from adapters.embedded_postgres.running import find_running
from adapters.embedded_postgres.shutdown import shut_down


class EmbeddedPostgres:
    """One server on one data folder. Blocking: run it in a thread.

    Several processes may start the same data: they share one server, and the last to stop ends it. A server whose owner
    was killed stays up, and the next start takes it over. `deadline`: seconds, for each start and each stop.
    """

    def __init__(self, data: Path, *, deadline: float = 60.0) -> None:
        self._layout = Layout(data)
        self._seconds = deadline
        self._log = LogFile(self._layout.log)
        self._process: subprocess.Popen[bytes] | None = None
        self._users: FileLock | None = None
        self._keeper: LogKeeper | None = None

    @property
    def pid(self) -> int | None:
        """The postmaster's; None when it does not run."""
        return look(self._layout).postmaster

    def start(self) -> str:
        """The conninfo (superuser, by the socket) of a server that accepts connections. Raises EmbeddedPostgresError."""
        deadline = Deadline(self._seconds)
        forget_other_databases()
        with self._explained("started"):
            binaries = find_binaries()
            identity = choose_identity(self._layout.data, self._layout.cluster, binaries.postgres)
            _make_data(self._layout.data, identity)
            with alone(self._layout.start_lock, deadline) as gate:
                ensure_cluster(self._layout, identity, binaries, gate, deadline)
                socket = find_running(self._layout, identity, deadline) or self._launch(identity, binaries.postgres, deadline)
                self._use()
        return conninfo(socket)

    def stop(self) -> None:
        """Fast shutdown, waited for; nothing when it does not run, or another living process still uses it.

        Raises EmbeddedPostgresError when it does not end before the deadline."""
        if self._keeper is not None:
            self._keeper.stop()
            self._keeper = None
        deadline = Deadline(self._seconds)
        with self._explained("stopped"):
            if self._layout.cluster.exists():
                with alone(self._layout.start_lock, deadline):
                    if self._last_user():
                        shut_down(self._layout, deadline)
        self._reap()

    def _launch(self, identity: Identity, postgres: Path, deadline: Deadline) -> Path:
        self._reap()
        socket = prepare_socket(self._layout, identity)
        self._log.trim()
        since = self._log.size()
        self._process = spawn(self._layout, identity, postgres, socket, self._log)
        await_answer(self._process, self._layout, socket, since, deadline)
        return socket

    def _use(self) -> None:
        if self._users is None:
            self._users = FileLock(self._layout.users_lock)
        self._users.try_shared()  # succeeds: who takes it alone does so behind the gate
        if self._keeper is None:
            self._keeper = LogKeeper(self._log)

    def _last_user(self) -> bool:
        users = self._users or FileLock(self._layout.users_lock)
        self._users = None
        try:
            return users.try_alone()
        finally:
            users.close()

    def _reap(self) -> None:
        """Take our dead child from the process table. It may be a moment from death: its files are closed first."""
        if self._process is not None and self._process.pid not in look(self._layout).processes:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=5)
                self._process = None

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise EmbeddedPostgresError(
                f"the database in {self._layout.data} cannot be {what}: {error}. It needs a folder of this user's, on a disk with room"
            ) from error

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def _make_data(data: Path, identity: Identity) -> None:
    if data.exists():
        return
    data.parent.mkdir(parents=True, exist_ok=True)
    data.mkdir(mode=0o700, exist_ok=True)
    if identity.switch():
        os.chown(data, identity.uid, identity.gid)
