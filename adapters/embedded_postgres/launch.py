"""A new server process, and the wait for its first answer."""

import os
import shutil
import subprocess
from pathlib import Path

from adapters.embedded_postgres.deadline import Deadline
from adapters.embedded_postgres.errors import EmbeddedPostgresError
from adapters.embedded_postgres.identity import ENVIRONMENT, Identity
from adapters.embedded_postgres.layout import Layout
from adapters.embedded_postgres.locks import FileLock
from adapters.embedded_postgres.log_file import LogFile
from adapters.embedded_postgres.probe import PORT, give_up, probe
from adapters.embedded_postgres.sockets import NAME, make_private, socket_folder

FIXED = {  # on the command line, where nobody's ALTER SYSTEM reaches; the rest stands in `cluster.SETTINGS`
    "listen_addresses": "",  # no TCP
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "full_page_writes": "on",
    "logging_collector": "off",
    "log_destination": "stderr",
    "cluster_name": "tiangong",
}


def prepare_socket(layout: Layout, identity: Identity) -> Path:
    """Sweep what a dead server left. The caller knows that it is dead, whichever pid its files name."""
    socket = socket_folder(layout.data, identity.uid)
    make_private(socket, identity.uid, identity.gid)
    for stale in (layout.pid_file, socket / f"{NAME}.lock", socket / NAME):
        stale.unlink(missing_ok=True)
    return socket


def spawn(layout: Layout, identity: Identity, postgres: Path, socket: Path, log: LogFile) -> subprocess.Popen[bytes]:
    """A server in a session of its own (Ctrl-C in the terminal is not for it), which inherits the server lock."""
    settings = FIXED | {"unix_socket_directories": f'"{socket}"'}
    command = [*identity.prefix, str(postgres), "-D", str(layout.cluster)]
    command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    lock, out = FileLock(layout.server_lock), log.open()
    try:
        if not lock.try_alone():
            raise EmbeddedPostgresError(f"a process holds {lock.path}: see which (fuser), end it, then start again")
        return subprocess.Popen(
            command, env=ENVIRONMENT, cwd="/", stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True, pass_fds=[lock.fd], **identity.switch(),
        )  # fmt: skip
    finally:
        lock.close()
        os.close(out)


def await_answer(process: subprocess.Popen[bytes], layout: Layout, socket: Path, since: int, deadline: Deadline) -> None:
    """Until it accepts connections. `since`: where in the log its words begin."""
    while not (answer := probe(socket, layout.cluster)).ready:
        if process.poll() is not None:
            words = LogFile(layout.log).tail(since) or f"(nothing: its disk has {shutil.disk_usage(layout.data).free} bytes left)"
            raise EmbeddedPostgresError(f"PostgreSQL did not start on {layout.data}. It says:\n{words}")
        give_up(layout, answer, deadline)
        deadline.pause()
