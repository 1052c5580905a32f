"""A developer's clone of the service's repository: commit, tag, and a real `git push` over smart HTTP."""

import base64
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

AUTHOR, EMAIL = "Lin Demo", "lin@example.com"
ZERO = "0" * 40
SECONDS = 60


@dataclass(frozen=True)
class Tagged:
    """A tag that was pushed. `object`: what the tag's name points at: the commit, or an annotated tag's own id."""

    tag: str
    commit: str
    object: str
    message: str
    added: tuple[str, ...]
    modified: tuple[str, ...]


class Repository:
    def __init__(self, folder: Path, remote: str, user: str, password: str) -> None:
        """A new repository in `folder`. The password stands in git's environment, never in an argument or an address."""
        self._folder, self._env = folder, environment(user, password)
        self._git("init", "-q", "-b", "main", str(folder))
        self._git("remote", "add", "origin", remote)

    def release(self, tag: str, message: str, files: Mapping[str, str], *, annotated: bool = False) -> Tagged:
        """Commit the files, tag the commit, push both."""
        known = set(self._git("ls-files").splitlines())
        for name, text in files.items():
            (self._folder / name).write_text(text)
        self._git("add", "--all")
        self._git("commit", "-q", "-m", message)
        self._git("tag", *(["-a", "-m", message] if annotated else []), tag)
        self._git("push", "-q", "origin", "main", f"refs/tags/{tag}")
        changed = tuple(sorted(files))
        return Tagged(tag, self._git("rev-parse", f"{tag}^{{commit}}"), self._git("rev-parse", tag), message,
                      tuple(name for name in changed if name not in known), tuple(name for name in changed if name in known))

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(self._folder.parent if arguments[0] == "init" else self._folder), *arguments],
                              env=self._env, capture_output=True, text=True, timeout=SECONDS)
        if done.returncode:
            raise RuntimeError(f"git {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout.strip()


def environment(user: str, password: str) -> dict[str, str]:
    """git with an author, and without this machine's and this user's settings."""
    login = base64.b64encode(f"{user}:{password}".encode()).decode()
    who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (("NAME", AUTHOR), ("EMAIL", EMAIL))}
    settings = {"http.extraHeader": f"Authorization: Basic {login}", "core.hooksPath": "/dev/null", "safe.directory": "*"}
    numbered = {f"GIT_CONFIG_{part}_{n}": text for n, pair in enumerate(settings.items()) for part, text in zip(("KEY", "VALUE"), pair, strict=True)}
    return who | numbered | {
        "PATH": os.environ.get("PATH", os.defpath), "HOME": "/nonexistent", "LANG": "C.UTF-8", "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_COUNT": str(len(settings)),
    }
