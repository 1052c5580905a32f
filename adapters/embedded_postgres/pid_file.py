"""PostgreSQL's pid file: what it claims, which is a hint and never a proof."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PidFile:
    pid: int
    socket: str  # the socket's folder; empty while the server is not that far


def read_pid_file(path: Path) -> PidFile | None:
    """None when it is missing, cut or garbage."""
    try:
        lines = path.read_bytes().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return None
    if not lines or not lines[0].isascii() or not lines[0].isdigit() or int(lines[0]) < 2:
        return None
    return PidFile(int(lines[0]), lines[4].strip() if len(lines) > 4 else "")
