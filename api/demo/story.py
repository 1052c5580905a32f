"""How the demo tells what happens: numbered steps with the time since the start, and what is said within them. Coloured on a terminal only."""

import io
import os
import sys
import time
from collections.abc import Iterable, Sequence
from typing import TextIO

BOLD, DIM, RED, GREEN, CYAN, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[36m", "\x1b[0m"
INDENT = " " * 11
LEVELS = {"error": RED, "warn": CYAN}


class Story:
    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        if isinstance(self._out, io.TextIOWrapper):
            self._out.reconfigure(errors="replace")  # a terminal that is not in UTF-8 lacks our arrows
        self._colours = self._out.isatty() and not os.environ.get("NO_COLOR")
        self._began = time.monotonic()
        self._steps = 0

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._began

    def title(self, text: str) -> None:
        self._print(f"{self._in(BOLD, text)}\n")

    def step(self, text: str) -> None:
        self._steps += 1
        self._print(f"\n[{self.seconds:6.1f} s] {self._in(BOLD, f'{self._steps}. {text}')}")

    def say(self, text: str, colour: str = "") -> None:
        for line in text.splitlines():
            self._print(INDENT + self._in(colour, line))

    def good(self, text: str) -> None:
        self.say(text, GREEN)

    def bad(self, text: str) -> None:
        self.say(text, RED)

    def log(self, task: str, level: str, text: str) -> None:
        """A line of a task's live log."""
        self._print(f"{INDENT}{self._in(DIM, f'{task:>12} │')} {self._in(LEVELS.get(level, DIM), text)}")

    def table(self, rows: Iterable[Sequence[str]]) -> None:
        cells = [list(map(str, row)) for row in rows]
        widths = [max(len(row[n]) for row in cells) for n in range(len(cells[0]))] if cells else []
        for row in cells:
            self.say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{PLAIN}" if self._colours and colour else text

    def _print(self, text: str) -> None:
        print(text, file=self._out, flush=True)
