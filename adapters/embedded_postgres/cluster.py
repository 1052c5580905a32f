"""Making a cluster: whole or not at all."""

import os
import secrets
import shutil
import subprocess
from pathlib import Path

from adapters.embedded_postgres.binaries import MAJOR, Binaries
from adapters.embedded_postgres.deadline import Deadline
from adapters.embedded_postgres.errors import EmbeddedPostgresError
from adapters.embedded_postgres.identity import ENVIRONMENT, Identity
from adapters.embedded_postgres.layout import Layout
from adapters.embedded_postgres.locks import FileLock

SETTINGS = {  # written into postgresql.conf: an operator may change them by ALTER SYSTEM
    "max_connections": "100",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",  # statements may hold what a log should not
}


def ensure_cluster(layout: Layout, identity: Identity, binaries: Binaries, gate: FileLock, deadline: Deadline) -> None:
    """Make the cluster if there is none. The caller holds the gate: initdb inherits it, so nobody sweeps below a living one."""
    if layout.cluster.exists():
        _require_version(layout.cluster)
        return
    for rest in layout.data.glob("new-*"):
        shutil.rmtree(rest)
    fresh = layout.data / f"new-{secrets.token_hex(8)}"
    fresh.mkdir(mode=0o700)
    if identity.switch():
        os.chown(fresh, identity.uid, identity.gid, follow_symlinks=False)
    _initdb(fresh, identity, binaries, gate, deadline)
    fresh.rename(layout.cluster)
    _sync(layout.data)


def _require_version(cluster: Path) -> None:
    try:
        version = (cluster / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise EmbeddedPostgresError(f"{cluster} holds no PostgreSQL cluster: move it away, or restore it from a backup") from None
    if version != str(MAJOR):
        raise EmbeddedPostgresError(
            f"{cluster} was made by PostgreSQL {version}, this release carries {MAJOR}: dump it with the old release, load it with this one"
        )


def _initdb(fresh: Path, identity: Identity, binaries: Binaries, gate: FileLock, deadline: Deadline) -> None:
    process = subprocess.Popen(
        _command(fresh, identity, binaries), env=ENVIRONMENT, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True, pass_fds=[gate.fd], **identity.switch(),
    )  # fmt: skip
    with process:
        try:
            said, _ = process.communicate(timeout=deadline.left())
        except subprocess.TimeoutExpired:
            raise EmbeddedPostgresError(
                f"making the database took more than {deadline.seconds:g} s: is the disk slow? Start again, with a longer deadline"
            ) from None
        finally:
            process.kill()  # late, or we are interrupted (its children read from it, and end with it); nothing when it has ended
    if process.returncode != 0:
        raise EmbeddedPostgresError(f"making the database in {fresh.parent} failed. PostgreSQL says:\n{said.strip()[-3000:]}")


def _command(fresh: Path, identity: Identity, binaries: Binaries) -> list[str]:
    command = [*identity.prefix, str(binaries.initdb), "-D", str(fresh), "-U", "postgres", "--encoding=UTF8", "--locale=C"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--auth-local=trust", "--auth-host=reject"]
    return command + [part for name, value in SETTINGS.items() for part in ("--set", f"{name}={value}")]


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
