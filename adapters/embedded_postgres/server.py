"""The embedded PostgreSQL: start it, or find it running; stop it, unless somebody else still uses it."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from adapters.embedded_postgres.binaries import find_binaries
from adapters.embedded_postgres.cluster import ensure_cluster
from adapters.embedded_postgres.deadline import Deadline
from adapters.embedded_postgres.errors import EmbeddedPostgresError
from adapters.embedded_postgres.identity import ENVIRONMENT, Identity, choose_identity
from adapters.embedded_postgres.layout import Layout
from adapters.embedded_postgres.leftovers import Leftovers
from adapters.embedded_postgres.locks import FileLock, alone
from adapters.embedded_postgres.log_file import LogFile, LogKeeper
from adapters.embedded_postgres.pid_file import read_pid_file
from adapters.embedded_postgres.probe import PORT, Answer, conninfo, probe
from adapters.embedded_postgres.processes import server_processes
from adapters.embedded_postgres.sockets import NAME, make_private, require_private, socket_folder


class EmbeddedPostgres:
    """One server on one data folder. Blocking: run it in a thread. Several processes may start the same data: they share one server."""

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
        claimed = read_pid_file(self._layout.pid_file)
        pid = claimed.pid if claimed else None
        return pid if pid in server_processes(self._layout.cluster, pid) else None

    def start(self) -> str:
        """Answer the conninfo of a server that accepts connections. Raises EmbeddedPostgresError."""
        deadline = Deadline(self._seconds)
        try:
            return self._start(deadline)
        except OSError as error:
            raise EmbeddedPostgresError(f"the database in {self._layout.data} cannot be started: {error}. Give a folder that you can write to") from error

    def _start(self, deadline: Deadline) -> str:
        binaries = find_binaries()
        identity = choose_identity(self._layout.data, self._layout.cluster, binaries.postgres)
        _make_data(self._layout.data, identity)
        with alone(self._layout.start_lock, deadline) as gate:
            ensure_cluster(self._layout, identity, binaries, gate, deadline)
            socket = self._running(identity, deadline) or self._launch(identity, binaries.postgres, deadline)
            self._use()
        return conninfo(socket)

    def _running(self, identity: Identity, deadline: Deadline) -> Path | None:
        """The socket of a server that already runs. None once no process of one is left."""
        lock = FileLock(self._layout.server_lock)
        leftovers = Leftovers()
        try:
            while True:
                claimed = read_pid_file(self._layout.pid_file)
                pid = claimed.pid if claimed else None
                processes = server_processes(self._layout.cluster, pid)
                if lock.try_alone() and not processes:
                    return None
                answer = Answer("it has no postmaster")
                if claimed and pid in processes and claimed.socket:
                    require_private(Path(claimed.socket), identity.uid)
                    answer = probe(Path(claimed.socket), self._layout.cluster)
                    if answer.ready:
                        return Path(claimed.socket)
                leftovers.end(processes, pid)
                self._give_up(deadline, answer)
                deadline.pause()
        finally:
            lock.close()

    def _launch(self, identity: Identity, postgres: Path, deadline: Deadline) -> Path:
        """Start a server. The caller knows that no process of an older one lives, whatever the files left behind say."""
        socket = socket_folder(self._layout.data, identity.uid)
        make_private(socket, identity.uid, identity.gid)
        for stale in (self._layout.pid_file, socket / f"{NAME}.lock", socket / NAME):
            stale.unlink(missing_ok=True)
        self._log.trim()
        since = self._log.size()
        self._process = _spawn(self._layout, identity, postgres, socket, self._log)
        while not (answer := probe(socket, self._layout.cluster)).ready:
            if self._process.poll() is not None:
                raise EmbeddedPostgresError(f"PostgreSQL did not start on {self._layout.data}. It says:\n{self._log.tail(since)}")
            self._give_up(deadline, answer)
            deadline.pause()
        return socket

    def _give_up(self, deadline: Deadline, answer: Answer) -> None:
        if not deadline.passed():
            return
        advice = "It goes on: start again, with a longer deadline" if answer.starting else f"See {self._layout.log}, end what still runs on it, then start again"
        raise EmbeddedPostgresError(
            f"PostgreSQL on {self._layout.data} accepts no connections after {deadline.seconds:g} s: {answer.refusal}. {advice}. It says:\n{self._log.tail(limit=1000)}"
        )

    def _use(self) -> None:
        if self._users is None:
            self._users = FileLock(self._layout.users_lock)
            self._users.try_shared()
        if self._keeper is None:
            self._keeper = LogKeeper(self._log)

    def stop(self) -> None:
        """Fast shutdown, waited for; nothing when it does not run, or another living process still uses it. Raises EmbeddedPostgresError."""
        if self._keeper is not None:
            self._keeper.stop()
            self._keeper = None
        if not self._layout.cluster.exists():
            return
        deadline = Deadline(self._seconds)
        with alone(self._layout.start_lock, deadline):
            if self._last_user():
                self._shut_down(deadline)
        if self._process is not None:
            self._process.poll()  # take our zombie away

    def _last_user(self) -> bool:
        users = self._users or FileLock(self._layout.users_lock)
        self._users = None
        try:
            return users.try_alone()
        finally:
            users.close()

    def _shut_down(self, deadline: Deadline) -> None:
        lock = FileLock(self._layout.server_lock)
        asked: set[int] = set()
        leftovers = Leftovers()
        try:
            while not lock.try_alone():
                pid = self.pid
                if pid is not None and pid not in asked:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGINT)
                    asked.add(pid)
                leftovers.end(server_processes(self._layout.cluster, pid), pid)
                if deadline.passed():
                    raise EmbeddedPostgresError(f"PostgreSQL (pid {pid}) did not stop within {deadline.seconds:g} s: see {self._layout.log}; kill -QUIT {pid} ends it at once")
                deadline.pause()
        finally:
            lock.close()

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


def _spawn(layout: Layout, identity: Identity, postgres: Path, socket: Path, log: LogFile) -> subprocess.Popen[bytes]:
    """A server in a session of its own (Ctrl-C in the terminal is not for it), which inherits the server lock."""
    settings = {
        "listen_addresses": "", "port": str(PORT), "unix_socket_directories": f'"{socket}"', "unix_socket_permissions": "0700",
        "fsync": "on", "full_page_writes": "on", "logging_collector": "off", "log_destination": "stderr", "cluster_name": "tiangong",
    }  # fmt: skip
    command = [*identity.prefix, str(postgres), "-D", str(layout.cluster), *(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))]
    lock, out = FileLock(layout.server_lock), log.open()
    try:
        if not lock.try_alone():
            raise EmbeddedPostgresError(f"a process still holds {layout.server_lock}: see who (fuser), end it, then start again")
        return subprocess.Popen(
            command, env=ENVIRONMENT, cwd="/", stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, pass_fds=[lock.fd], **identity.switch()
        )
    finally:
        lock.close()
        os.close(out)
