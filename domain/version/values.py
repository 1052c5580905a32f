"""Names of repositories and versions: when two spellings mean the same, and which version comes next."""

import re

SEMVER = re.compile(r"v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})")
FIRST = "v0.1.0"


def repository_key(url: str) -> str:
    """One spelling for a repository, however it is addressed: `host[:port]/path`, without scheme, user, `.git` or a trailing slash.

    >>> repository_key("git@github.com:Org/repo.git") == repository_key("https://github.com/Org/repo")
    True
    """
    rest = re.sub(r"^[a-z][a-z0-9+.-]*://", "", url.strip(), flags=re.IGNORECASE)
    if rest == url.strip():  # the short form of ssh: user@host:path
        rest = re.sub(r"^([^/:]+):(?!//)", r"\1/", rest)
    host, slash, path = rest.partition("/")
    return host.rpartition("@")[2].lower() + slash + path.rstrip("/").removesuffix(".git")


def next_patch(tags: list[str]) -> str:
    """The next patch version after the highest semantic version among the tags; `v0.1.0` if there is none."""
    known = [tuple(map(int, match.groups())) for tag in tags if (match := SEMVER.fullmatch(tag))]
    if not known:
        return FIRST
    major, minor, patch = max(known)
    return f"v{major}.{minor}.{patch + 1}"
