"""How long files and functions are: `make check` fails on what is over a limit, and prints the medians, so that they are seen to move."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).parent.parent
ROOMS = ("domain", "application", "projections", "adapters", "api", "tests")
LIMITS = {"tests": 600}  # lines of a file, by room
FILE_LIMIT, FUNCTION_LIMIT, USUAL = 400, 50, 25
KINDS = (".py", ".sh", ".sql", ".html")


@dataclass(frozen=True)
class Sized:
    where: str
    lines: int
    limit: int

    @property
    def too_long(self) -> str:
        return f"{self.where}: {self.lines} lines, the limit is {self.limit}" if self.lines > self.limit else ""


def files(root: Path) -> Iterator[Sized]:
    for room in ROOMS:
        for path in sorted((root / room).rglob("*")):
            if path.suffix in KINDS and "node_modules" not in path.parts:
                yield Sized(str(path.relative_to(root)), len(path.read_text().splitlines()), LIMITS.get(room, FILE_LIMIT))


def functions(root: Path) -> Iterator[Sized]:
    """Every function and method, decorators not counted; what stands inside another counts for both."""
    for file in files(root):
        if file.where.endswith(".py"):
            for node in ast.walk(ast.parse((root / file.where).read_text(), file.where)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    lines = (node.end_lineno or node.lineno) - node.lineno + 1
                    yield Sized(f"{file.where}:{node.lineno} {node.name}", lines, FUNCTION_LIMIT)


def summary(what: str, found: list[Sized]) -> str:
    lines = [one.lines for one in found]
    ninth = quantiles(lines, n=10)[-1] if len(lines) > 1 else lines[0]
    longest = max(found, key=lambda one: one.lines)
    return f"{what}: {len(found)}, median {median(lines):g} lines, 90 % up to {ninth:g}, longest {longest.lines} ({longest.where})"


def report(root: Path) -> tuple[list[str], list[str]]:
    """What to print, and what is over a limit."""
    every_file, every_function = list(files(root)), list(functions(root))
    said, over = [], []
    for place, ours in (("product", False), ("tests", True)):
        for what, found in (("files", every_file), ("functions", every_function)):
            if chosen := [one for one in found if one.where.startswith("tests/") is ours and one.lines]:
                said.append(summary(f"{place} {what}", chosen))
                over += [one.too_long for one in chosen if one.too_long]
    usual = [one for one in every_function if not one.where.startswith("tests/")]
    if usual and (share := sum(one.lines <= USUAL for one in usual) / len(usual)) < 0.9:
        over.append(f"only {share:.0%} of the product's functions have at most {USUAL} lines: 90 % should")
    return said, over


def main() -> int:
    said, over = report(ROOT)
    print(*said, sep="\n")
    print(*over, sep="\n", file=sys.stderr)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
