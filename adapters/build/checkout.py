"""A checkout of one commit of a repository, read back from the repository itself."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from adapters.build.commands import Commands

COMMIT = re.compile(r"[0-9a-f]{4,64}")
FULL = (40, 64)
REFUSED = ("unadvertised object", "not our ref", "dumb http transport", "does not support shallow", "remote ref")
"""How servers say that they do not serve a commit by its id."""
OWN_WORDS = re.compile(r"(fatal|error|remote|ssh|kex_exchange_identification): |.*(verification failed|Permission denied|Connection (closed|reset))")


class GitFailed(Exception):
    """git refused; the message is in its own words."""


@dataclass(frozen=True)
class Git:
    """git in one folder, with one environment."""

    commands: Commands
    folder: Path
    env: dict[str, str]
    say: Callable[[str], None]

    async def __call__(self, *arguments: str, quiet: bool = False) -> list[str]:
        """The lines of its output. Raises GitFailed."""
        lines: list[str] = []
        code = await self.commands.run(["git", *arguments], self.folder, self.env, lines.append)
        for line in () if quiet and not code else lines:
            self.say(line)
        if code:
            raise GitFailed(own_words(lines) or f"git {arguments[0]} ended with exit code {code}")
        return lines


def own_words(lines: list[str]) -> str:
    return "; ".join(line for line in lines if OWN_WORDS.match(line)) or (lines[-1] if lines else "")


async def checkout(git: Git, url: str, tag: str, commit: str) -> str:
    """Check the commit out and return its full id. `commit` may be short, or empty where there is a tag; the tag, where there is
    one, must exist and point at the commit. Raises GitFailed."""
    commit = commit.lower()
    if (commit or not tag) and not COMMIT.fullmatch(commit):
        raise GitFailed(f"not the id of a commit: {commit!r}")
    await git("init", "-q", "--template=", *(["--object-format=sha256"] if len(commit) == FULL[1] else []))
    tagged = await _commit_of_tag(git, url, tag) if tag else ""
    if tagged and not tagged.startswith(commit):
        raise GitFailed(f"the tag {tag} points at {tagged}, not at {commit}")
    full = await _fetch(git, url, tag, tagged or commit)
    await git("checkout", "-q", "--detach", full)
    return full


async def _commit_of_tag(git: Git, url: str, tag: str) -> str:
    """The commit that a tag points at, through an annotated tag too."""
    name = f"refs/tags/{tag}"
    listed = await git("ls-remote", "--", url, name, f"{name}^{{}}", quiet=True)
    found = {ref: id for id, _, ref in (line.partition("\t") for line in listed)}
    commit = found.get(f"{name}^{{}}") or found.get(name)
    if commit is None:
        await git("fetch", "-q", "--depth=1", "--", url, name)  # for git's own words about it
        raise GitFailed(f"the repository has no tag {tag}")
    return commit


async def _fetch(git: Git, url: str, tag: str, commit: str) -> str:
    """Fetch as little as the server allows: the commit, else the tag, else everything. The commit's full id."""
    into = f"refs/tags/{tag}" if tag else "refs/tiangong/commit"
    refused = await _refused(git, "--depth=1", "--", url, f"+{commit}:{into}") if len(commit) in FULL else "short"
    if refused and tag:
        refused = await _refused(git, "--depth=1", "--", url, f"+refs/tags/{tag}:refs/tags/{tag}")
    if refused:
        await git("fetch", "-q", "--no-tags", "--", url, "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
    [full] = await git("rev-parse", "--verify", f"{commit}^{{commit}}", quiet=True)
    if not full.startswith(commit):  # a tag or branch whose name looks like a commit's id
        raise GitFailed(f"{commit} names the commit {full}, but is not its id")
    return full


async def _refused(git: Git, *arguments: str) -> str:
    """The words with which the server refuses to give just this; '' when it gave it."""
    try:
        await git("fetch", "-q", "--no-tags", *arguments)
    except GitFailed as error:
        if any(words in str(error) for words in REFUSED):
            return str(error)
        raise
    return ""
