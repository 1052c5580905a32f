"""Lines on their way to the store: numbered at once, kept until they are stored, bounded in two ways.

What waits while the database is away is at most WAITING bytes; what does not fit any more is counted, and a line says how many are
missing there. What one log holds in all is about KEPT bytes: of a command that writes without end the beginning and the last TAIL lines
are kept, and a line between them counts the others.
"""

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from application.ports.logs import Level

WAITING = 10 << 20
KEPT = 64 << 20
TAIL = 1000
LONGEST = 16 << 10
"""Characters of a line; a longer one is split."""
CHUNK = 256
"""Lines."""


class Line(msgspec.Struct, frozen=True):
    seq: int
    timestamp: str
    level: Level
    message: str


encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Chunk:
    """Lines that are stored together. While it is not known whether that has happened, it stays exactly as it is."""

    first: int
    lines: list[bytes]
    offset: int


class Buffer:
    """`seq`: the number of the next line. `offset`: how far the source had been read. `stored`: bytes that are stored already."""

    def __init__(self, seq: int = 1, offset: int = 0, stored: int = 0) -> None:
        self.seq, self.offset, self._kept = seq, offset, stored
        self.lost = False
        """Lines are missing."""
        self._dropped = 0
        self._lines: deque[tuple[bytes, int]] = deque()
        self._tail: deque[tuple[str, str, Level]] = deque()
        self._waiting = 0
        self._flight: Chunk | None = None

    def __len__(self) -> int:
        return len(self._lines) + (len(self._flight.lines) if self._flight else 0)

    def add(self, message: str, level: Level, offset: int | None = None) -> None:
        text = message.replace("\0", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode()
        at = now()
        for start in range(0, max(len(text), 1), LONGEST):
            self._one(at, text[start:start + LONGEST], level)
        if offset is not None and offset > self.offset:
            self.offset = offset
            if self._lines:
                self._lines[-1] = (self._lines[-1][0], offset)

    def _one(self, at: str, message: str, level: Level) -> None:
        if self._kept >= KEPT:
            self._hold_back(at, message, level)
        elif self._waiting >= WAITING:
            self._dropped, self.lost = self._dropped + 1, True
        else:
            self._tell_dropped()
            self._put(at, message, level)

    def _hold_back(self, at: str, message: str, level: Level) -> None:
        if not self._tail:
            self._put(at, f"the log has reached {KEPT >> 20} MiB: from here on only its last {TAIL} lines are kept, and shown at its end", "warn")
        self._tail.append((at, message, level))
        if len(self._tail) > TAIL:
            self._tail.popleft()
            self._dropped, self.lost = self._dropped + 1, True

    def _tell_dropped(self) -> None:
        if self._dropped:
            self._put(now(), f"{self._dropped} lines were dropped here", "warn")
            self._dropped = 0

    def _put(self, at: str, message: str, level: Level) -> None:
        line = encode(Line(self.seq, at, level, message))
        self._lines.append((line, self.offset))
        self.seq += 1
        self._waiting += len(line)
        self._kept += len(line)

    def finish(self) -> None:
        """No more lines come: what is missing is told, and what was held back is taken in."""
        self._tell_dropped()
        while self._tail:
            self._put(*self._tail.popleft())

    def chunk(self) -> Chunk | None:
        """The oldest lines that wait; the same ones again until they are `stored`."""
        if self._flight is None and self._lines:
            first = self.seq - len(self._lines)
            taken = [self._lines.popleft() for _ in range(min(CHUNK, len(self._lines)))]
            self._flight = Chunk(first, [line for line, _ in taken], taken[-1][1])
        return self._flight

    def stored(self) -> None:
        if self._flight is not None:
            self._waiting -= sum(map(len, self._flight.lines))
            self._flight = None


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
