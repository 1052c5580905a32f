"""Addresses of repositories: which ones git may be given at all. Judged before git runs."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

SCHEMES = ("https", "http", "ssh", "git")
SHORT_SSH = re.compile(r"[A-Za-z0-9_][\w.-]*@[A-Za-z0-9][\w.-]*:(?![:/-])\S+")


class AddressRefused(Exception):
    """The address is none that git is run on. The message says why."""


@dataclass(frozen=True)
class Address:
    url: str
    protocol: str
    origin: str
    """`https://host[:port]`: where credentials may go; '' for what takes none."""

    @property
    def protocols(self) -> str:
        """What git may speak, redirects included (`GIT_ALLOW_PROTOCOL`). A redirect never leads from https to http."""
        return {"http": "http:https"}.get(self.protocol, self.protocol)


def parse(repository: str, file_roots: tuple[Path, ...]) -> Address:
    """Raises AddressRefused."""
    if re.search(r"[\s\x00-\x1f\x7f]", repository) or not repository:
        raise AddressRefused(f"not a repository's address: {repository!r}")
    if SHORT_SSH.fullmatch(repository):
        return Address(repository, "ssh", "")
    parts = urlsplit(repository) if re.match(r"[a-z][a-z0-9+.-]*://", repository, re.IGNORECASE) else None
    if parts and parts.scheme == "file":
        return _below_roots(unquote(parts.path), parts.netloc, file_roots)
    if not parts or parts.scheme not in SCHEMES:
        raise AddressRefused(f"repositories are reached by {', '.join(SCHEMES)}, not by {repository!r}")
    if parts.password is not None:
        raise AddressRefused("the repository's address contains a password: set git_user and git_token instead")
    if not parts.hostname or any(part.startswith("-") for part in (parts.hostname, parts.username or "", parts.path.lstrip("/"))):
        raise AddressRefused(f"not a repository's address: {repository!r}")
    host = parts.netloc.rpartition("@")[2]
    return Address(repository, parts.scheme, f"{parts.scheme}://{host}" if parts.scheme in ("http", "https") else "")


def _below_roots(path: str, host: str, roots: tuple[Path, ...]) -> Address:
    """git gets the resolved path, so that a link cannot be turned after it was judged."""
    resolved = Path(path).resolve()
    if host or not any(resolved.is_relative_to(root.resolve()) for root in roots):
        raise AddressRefused(f"file://{host}{path} is not below the folders that GIT_FILE_ROOTS names")
    return Address("file://" + quote(str(resolved)), "file", "")
