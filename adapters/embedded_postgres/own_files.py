"""Files of ours in the data folder. As root we may work in a service user's folder: the files are that user's, links are not followed."""

import os
from pathlib import Path


def open_own(path: Path, flags: int) -> int:
    """A descriptor that a child does not inherit, of a file with mode 0600 that belongs to whom its folder belongs to."""
    fd = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if os.geteuid() == 0 and (folder := path.parent.stat()).st_uid != os.fstat(fd).st_uid:
        os.fchown(fd, folder.st_uid, folder.st_gid)
    return fd
