"""The folder of the server's socket. A socket's path has 107 bytes at most, so a long data path needs a short folder elsewhere.

It depends on the data folder, not on the process, so that a later process finds it again.
"""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from adapters.embedded_postgres.errors import EmbeddedPostgresError
from adapters.embedded_postgres.probe import PORT

LONGEST = 103  # bytes; Linux allows 107, macOS 103
NAME = f".s.PGSQL.{PORT}"


def socket_folder(data: Path, owner: int) -> Path:
    """Where the socket belongs. `owner`: the uid that serves. Touches nothing."""
    digest = hashlib.sha256(os.fsencode(os.path.realpath(data))).hexdigest()[:16]
    short = f"tiangong-{owner}-{digest}"
    # not XDG_RUNTIME_DIR: it is removed when the user logs out, and the server may stay
    places = (data / "socket", Path(tempfile.gettempdir()) / short, Path("/tmp") / short)
    return next(place for place in places if _fits(place))


def _fits(folder: Path) -> bool:
    path = os.fsencode(folder / NAME)
    return len(path) <= LONGEST and not set(b',"') & set(path)  # a comma separates hosts in libpq, and folders in PostgreSQL


def make_private(folder: Path, owner: int, group: int) -> None:
    """Make the folder 0700 for the owner, or make sure that it is: in a shared place a stranger may have been first."""
    try:
        folder.mkdir(mode=0o700)
        if owner != os.geteuid():
            os.chown(folder, owner, group, follow_symlinks=False)
    except FileExistsError:
        require_private(folder, owner)


def require_private(folder: Path, owner: int) -> None:
    seen = os.lstat(folder)
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != owner or seen.st_mode & 0o077:
        raise EmbeddedPostgresError(
            f"{folder} should be a folder of uid {owner} with mode 0700, but is {stat.filemode(seen.st_mode)} of uid {seen.st_uid}:"
            " remove it, then start again"
        )
