"""Which living processes are PostgreSQL's on a cluster. Each of them stands in the cluster's folder, so the kernel knows.

Zombies have no folder any more and do not count. Without /proc (macOS) only the postmaster's pid can be judged, by its name.
"""

import os
import subprocess
from pathlib import Path

PROC = Path("/proc/self/cwd")


def server_processes(cluster: Path, claimed: int | None) -> set[int]:
    """Pids of the postmaster and its children; `claimed` is the pid file's word."""
    if not PROC.exists():
        return {claimed} if claimed and named_postgres(claimed) else set()
    try:
        home = cluster.stat()
    except FileNotFoundError:
        return set()
    return {int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit() and _stands_in(entry.path, home)}


def _stands_in(process: str, home: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(f"{process}/cwd"), home) and os.path.basename(os.readlink(f"{process}/exe")).startswith("postgres")
    except OSError:  # gone, dying, or somebody else's: none of them serves our folder
        return False


def named_postgres(pid: int) -> bool:
    said = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, timeout=10, check=False).stdout
    return os.path.basename(said.strip()).startswith("postgres")
