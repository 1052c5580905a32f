"""Test coverage, read from the report that a test command wrote: a Go profile, Cobertura XML or LCOV."""

import re
from collections.abc import Mapping
from pathlib import Path
from xml.parsers import expat

NAMES = (
    "coverage.out", "cover.out", "c.out", "coverage.xml", "cobertura.xml", "cobertura-coverage.xml", "coverage/cobertura-coverage.xml",
    "coverage/coverage.xml", "coverage/lcov.info", "lcov.info", "coverage.lcov", "coverage/coverage.lcov", "target/site/cobertura/coverage.xml",
)
"""Where the usual tools write, relative to the application's context; the first that is there counts."""
LARGEST = 64 << 20
"""Bytes."""
GO_BLOCK = re.compile(r"(\S.*:\d+\.\d+,\d+\.\d+) (\d+) (\d+)")

Mark = tuple[int, int, int]


class NoCoverage(Exception):
    """There is no report, or it cannot be read. The message says which."""


def candidates(context: Path, setting: str) -> list[Path]:
    """Where a report may be. Raises NoCoverage for a path out of the workspace."""
    if setting and not (context / setting).resolve().is_relative_to(context.resolve()):
        raise NoCoverage(f"coverage report {setting} leads out of the workspace")
    return [context / setting] if setting else [context / name for name in NAMES]


def marks(paths: list[Path]) -> dict[Path, Mark]:
    """What tells a file from the one that stood there before."""
    found = {path: path.stat() for path in paths if path.is_file()}
    return {path: (status.st_ino, status.st_mtime_ns, status.st_size) for path, status in found.items()}


def measure(context: Path, setting: str, before: Mapping[Path, Mark]) -> float:
    """The percentage of the report. `before`: the marks from before the test, so that an old report does not count. Raises NoCoverage."""
    paths = candidates(context, setting)
    now = marks(paths)
    written = [path for path in paths if path in now and now[path] != before.get(path)]
    if written:
        return read(written[0])
    old = [path.relative_to(context).as_posix() for path in paths if path in now]
    if old:
        raise NoCoverage(f"coverage report {old[0]} is an old one: the test command did not write it")
    raise NoCoverage(f"coverage report {setting} does not exist after the test" if setting else
                     f"no coverage report after the test: looked for {', '.join(NAMES)}; set coverage_report")


def read(path: Path) -> float:
    if path.stat().st_size > LARGEST:
        raise NoCoverage(f"coverage report {path.name} is larger than {LARGEST} bytes")
    content = path.read_bytes()
    text = content.decode(errors="replace")
    try:
        if text.startswith("mode:"):
            covered, total = _go(text)
        elif text.lstrip("\ufeff \r\n\t").startswith("<"):
            covered, total = _cobertura(content)
        else:
            covered, total = _lcov(text)
    except (ValueError, expat.ExpatError) as error:
        raise NoCoverage(f"coverage report {path.name} cannot be read: {error}") from error
    if total == 0:
        raise NoCoverage(f"coverage report {path.name} has no lines")
    if not 0 <= covered <= total:
        raise NoCoverage(f"coverage report {path.name} cannot be read: {covered} of {total}")
    return 100 * covered / total


def _go(text: str) -> tuple[float, float]:
    """Statements. A block may stand there several times (one for each test binary): it is covered if one of them ran it."""
    blocks: dict[str, tuple[int, bool]] = {}
    for line in text.splitlines():
        if line.startswith("mode:") or not line:
            continue
        match = GO_BLOCK.fullmatch(line)
        if not match:
            raise ValueError(f"not a line of a Go profile: {line[:80]}")
        statements, ran = int(match[2]), int(match[3]) > 0
        blocks[match[1]] = (statements, ran or blocks.get(match[1], (0, False))[1])
    return sum(count for count, ran in blocks.values() if ran), sum(count for count, _ in blocks.values())


def _cobertura(content: bytes) -> tuple[float, float]:
    """Lines, of the root's attributes. Entities are refused: a report needs none, and a few lines of them fill the memory."""
    root: dict[str, str] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        if not root:
            root.update(attributes, element=name)

    def refuse(*_: object) -> None:
        raise ValueError("it declares entities")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EntityDeclHandler = refuse
    parser.Parse(content, True)
    if root.get("element") != "coverage" or "line-rate" not in root:
        raise ValueError("not Cobertura XML: <coverage line-rate=…> expected")
    if root.get("lines-valid", "").isdigit() and root.get("lines-covered", "").isdigit():
        return int(root["lines-covered"]), int(root["lines-valid"])
    return float(root["line-rate"]), 1.0


def _lcov(text: str) -> tuple[float, float]:
    """Lines: `DA:<line>,<hits>` of each file (`SF:`); a file may stand there several times, once for each test."""
    hits: dict[tuple[str, int], bool] = {}
    file = ""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key == "SF":
            file = value
        elif key == "DA":
            number, count = value.split(",")[:2]
            hits[file, int(number)] = float(count) > 0 or hits.get((file, int(number)), False)
    if not file:
        raise ValueError("neither a Go profile nor Cobertura XML nor LCOV")
    return sum(hits.values()), len(hits)
