"""What runs on this machine, as far as a test needs to know."""

import contextlib
from pathlib import Path


def alive(pid: int) -> bool:
    """Running: neither gone nor waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def processes_in(folder: Path) -> list[int]:
    """The ids of the running processes whose working directory is a folder or below it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's
            if (process / "cwd").readlink().is_relative_to(folder) and alive(int(process.name)):
                found.append(int(process.name))
    return found
