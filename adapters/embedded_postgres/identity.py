"""As whom PostgreSQL runs. It refuses to be root, and initdb wants a name for its uid in the user table.

- A normal user with a name: as oneself.
- Root, or a uid without a name: in a user namespace, where the same files carry another uid. Nobody's mode changes, no user is made.
- Root where namespaces are forbidden: as a service user that exists, if it can reach the folder as the folder is.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from adapters.embedded_postgres.errors import EmbeddedPostgresError

SERVICE_USERS = ("tiangong", "postgres")
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}  # nothing of ours: the owner's environment may hold secrets


class Switch(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Identity:
    name: str
    uid: int  # what the files' owner is, seen from outside
    gid: int
    prefix: tuple[str, ...] = ()

    def switch(self) -> Switch:
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def obstacle(self, folder: Path, program: Path) -> str:
        """Why this identity cannot work in the folder, or run the program; empty when it can. Tried, not computed."""
        command = [*self.prefix, "test", "-x", str(folder), "-a", "-x", str(program)]
        try:
            done = subprocess.run(command, env=ENVIRONMENT, cwd="/", capture_output=True, text=True, timeout=10, **self.switch())
        except (OSError, subprocess.SubprocessError) as error:
            return f"{self.name}: {error}"
        if done.returncode == 0:
            return ""
        return f"{self.name}: {done.stderr.strip() or f'may not enter {folder} or run {program}'}"


def choose_identity(data: Path, cluster: Path, program: Path) -> Identity:
    """The first identity that works; an existing cluster is run by its owner only."""
    reach = next(folder for folder in (data, *data.parents) if folder.exists())
    owner = cluster.stat().st_uid if cluster.exists() else None
    reasons = []
    for identity in _candidates():
        if owner is not None and owner != identity.uid:
            reasons.append(f"{identity.name}: {cluster} belongs to uid {owner}")
            continue
        obstacle = identity.obstacle(reach, program)
        if not obstacle:
            return identity
        reasons.append(obstacle)
    raise EmbeddedPostgresError(
        f"PostgreSQL cannot run on {data}: start the program as a normal user with a data folder of its own (it refuses to be root),"
        " or allow user namespaces, or give the URL of a PostgreSQL of yours."
        f" Tried: {'; '.join(reasons) or 'nothing, for want of the program unshare'}"
    )


def _candidates() -> Iterator[Identity]:
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0 and _known(uid):
        yield Identity("this user", uid, gid)
        return
    if unshare := shutil.which("unshare"):
        inside = _some_user()
        yield Identity("a user namespace", uid, gid, (unshare, "--user", f"--map-user={inside.pw_uid}", f"--map-group={inside.pw_gid}"))
    if uid == 0:
        for user in filter(None, map(_named, SERVICE_USERS)):
            yield Identity(f"the user {user.pw_name}", user.pw_uid, user.pw_gid)


def _known(uid: int) -> bool:
    try:
        return bool(pwd.getpwuid(uid))
    except KeyError:
        return False


def _named(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _some_user() -> pwd.struct_passwd:
    """Any user with a name but root: inside the namespace the number stands for us."""
    return _named("nobody") or next(user for user in pwd.getpwall() if user.pw_uid != 0)
