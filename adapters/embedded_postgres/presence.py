"""Who is there: the processes of a server on our cluster, and what its pid file claims, which is a hint and never a proof.

Each process of a server stands in the cluster's folder, so the kernel knows them. Zombies have no folder any more and do not count.
Without /proc (macOS) only the claimed pid can be judged, by its name.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from adapters.embedded_postgres.layout import Layout

PROC = Path("/proc/self/cwd")


@dataclass(frozen=True)
class Presence:
    processes: frozenset[int]
    postmaster: int | None = None  # it lives, and the pid file names it
    socket: Path | None = None  # its folder; None while the server is not that far


def look(layout: Layout) -> Presence:
    claimed, socket = read_pid_file(layout.pid_file)
    processes = _all_in(layout.cluster) if PROC.exists() else frozenset({claimed} if claimed and named_postgres(claimed) else ())
    if claimed not in processes:
        return Presence(processes)
    return Presence(processes, claimed, Path(socket) if socket else None)


def read_pid_file(path: Path) -> tuple[int | None, str]:
    """The pid and the socket's folder. No pid when the file is missing, cut or garbage."""
    try:
        lines = path.read_bytes().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return None, ""
    if not lines or not lines[0].isascii() or not lines[0].isdigit():
        return None, ""
    return int(lines[0]), lines[4].strip() if len(lines) > 4 else ""


def _all_in(cluster: Path) -> frozenset[int]:
    try:
        home = cluster.stat()
    except FileNotFoundError:
        return frozenset()
    return frozenset(int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit() and _serves(entry.path, home))


def _serves(process: str, home: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(f"{process}/cwd"), home) and os.path.basename(os.readlink(f"{process}/exe")).startswith("postgres")
    except OSError:  # gone, dying, or somebody else's: none of them serves our folder
        return False


def named_postgres(pid: int) -> bool:
    said = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, timeout=10, check=False).stdout
    return os.path.basename(said.strip()).startswith("postgres")
