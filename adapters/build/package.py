"""Packages: the files that a build made, as a tar.gz that is the same for the same content, whoever packs it, where and when."""

import gzip
import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import IO, cast

TIME = 315532800  # 1980-01-01: the earliest that zip files know
MAGIC = frozenset("*?[")


class NotPackable(Exception):
    """What was asked for is not there, or leads out of the workspace. The message names it."""


class Stopped(Exception):
    """Nobody wants the package any more."""


@dataclass(frozen=True)
class Entry:
    name: str
    """In the package, with `/`."""
    path: Path


def patterns_of(setting: object) -> list[str]:
    """The setting `artifact`: a path, a list of globs, or globs with commas between them. Raises NotPackable."""
    items = setting.split(",") if isinstance(setting, str) else setting
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise NotPackable("artifact must be a path or a list of globs")
    return [item.strip() for item in items if item.strip()]


def entries(context: Path, patterns: list[str]) -> list[Entry]:
    """What goes in, sorted. One path: a folder becomes the root, a file keeps its name. Globs keep their paths. No pattern: all of
    the context. `.git` never goes in. Raises NotPackable."""
    context = context.resolve()
    for pattern in patterns:
        if pattern.startswith("/") or ".." in pattern.split("/"):
            raise NotPackable(f"artifact {pattern} leads out of the workspace")
    if len(patterns) > 1 or any(MAGIC & set(pattern) and not (context / pattern).exists() for pattern in patterns):
        found = _matching(context, patterns)
    else:
        found = _single(context, patterns[0] if patterns else ".")
    return sorted(found, key=lambda entry: entry.name.split("/"))


def _single(context: Path, name: str) -> list[Entry]:
    path = context / name
    if not path.exists():
        raise NotPackable(f"artifact {name} does not exist after the build")
    root = path.resolve()
    if not root.is_relative_to(context):
        raise NotPackable(f"artifact {name} leads out of the workspace")
    return list(_walk(root, root)) if root.is_dir() else [Entry(path.name, root)]


def _matching(context: Path, patterns: list[str]) -> list[Entry]:
    everything = list(_walk(context, context))
    chosen: dict[str, Entry] = {}
    for pattern in patterns:
        wanted = tuple(part for part in pattern.split("/") if part not in ("", "."))
        found = {entry.name: entry for entry in everything if _matches(tuple(entry.name.split("/")), wanted)}
        if not found:
            raise NotPackable(f"artifact {pattern} matches nothing")
        chosen |= found
    return list(chosen.values())


def _matches(parts: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Whether a path, or a folder that it is in, matches: `*` within a name, `**` over any number of folders."""

    @cache
    def match(at: int, pattern: int) -> bool:
        if pattern == len(wanted):
            return True
        if wanted[pattern:] == ("**",):
            return at < len(parts)
        if wanted[pattern] == "**":
            return match(at, pattern + 1) or (at < len(parts) and match(at + 1, pattern))
        return at < len(parts) and fnmatchcase(parts[at], wanted[pattern]) and match(at + 1, pattern + 1)

    return match(0, 0)


def _walk(root: Path, folder: Path) -> Iterator[Entry]:
    """Everything below a folder but `.git`; links are not followed."""
    for item in sorted(os.scandir(folder), key=lambda item: item.name):
        if item.name == ".git":
            continue
        path = Path(item.path)
        yield Entry(path.relative_to(root).as_posix(), path)
        if item.is_dir(follow_symlinks=False):
            yield from _walk(root, path)


def pack(found: list[Entry], into: Path, stopped: Callable[[], bool]) -> None:
    """Write the package. Raises NotPackable for a link that leads out of it and for what is neither file, folder nor link; Stopped."""
    with (
        into.open("wb") as raw,
        gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for entry in found:
            _add(tar, entry, stopped)


def _add(tar: tarfile.TarFile, entry: Entry, stopped: Callable[[], bool]) -> None:
    status = entry.path.lstat()
    info = tarfile.TarInfo(entry.name)
    info.mtime = TIME
    info.mode = 0o755 if status.st_mode & 0o111 else 0o644
    if stat.S_ISLNK(status.st_mode):
        info.type, info.mode, info.linkname = tarfile.SYMTYPE, 0o777, _target(entry)
        tar.addfile(info)
    elif stat.S_ISDIR(status.st_mode):
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(info)
    elif stat.S_ISREG(status.st_mode):
        with entry.path.open("rb") as content:
            info.size = os.fstat(content.fileno()).st_size
            tar.addfile(info, cast(IO[bytes], _Stoppable(content, stopped)))
    else:
        raise NotPackable(f"{entry.name} is neither a file nor a folder nor a link")


def _target(entry: Entry) -> str:
    """A link's target. It must lie in the package: a host must not be led to files of its own."""
    target = os.readlink(entry.path)
    root = entry.path.parents[entry.name.count("/")]
    read = os.path.normpath(os.path.join(os.path.dirname(entry.name), target))  # as it reads, and below as it is followed
    if os.path.isabs(target) or read.split("/")[0] == ".." or not Path(os.path.realpath(entry.path)).is_relative_to(root):
        raise NotPackable(f"the link {entry.name} -> {target} leads out of the package")
    return target


@dataclass(frozen=True)
class _Stoppable:
    content: IO[bytes]
    stopped: Callable[[], bool]

    def read(self, size: int) -> bytes:
        if self.stopped():
            raise Stopped
        return self.content.read(size)
