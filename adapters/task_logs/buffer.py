"""Lines on their way to the store: numbered at once, kept until they are stored, bounded."""

from datetime import UTC, datetime

import msgspec

from application.ports.logs import Level

LIMIT = 10 << 20
"""Bytes that wait at most, while the database is away."""
LONGEST = 16 << 10
"""Characters of a line; a longer one is split."""


class Line(msgspec.Struct, frozen=True):
    seq: int
    timestamp: str
    level: Level
    message: str


encode = msgspec.json.Encoder().encode


class Buffer:
    def __init__(self, next_seq: int) -> None:
        self.next_seq = next_seq
        self.dropped = 0
        self._lines: list[bytes] = []
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, message: str, level: Level) -> None:
        text = message.replace("\0", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode()
        for start in range(0, max(len(text), 1), LONGEST):
            self._one(text[start:start + LONGEST], level)

    def _one(self, message: str, level: Level) -> None:
        if self._bytes >= LIMIT:
            self.dropped += 1
            return
        if self.dropped:
            lost, self.dropped = self.dropped, 0
            self._put(f"{lost} lines were dropped here: they could not be stored in time", "warn")
        self._put(message, level)

    def _put(self, message: str, level: Level) -> None:
        line = encode(Line(self.next_seq, datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"), level, message))
        self.next_seq += 1
        self._lines.append(line)
        self._bytes += len(line)

    def first(self, most: int) -> list[bytes]:
        """The oldest lines that wait, without taking them away."""
        return self._lines[:most]

    def stored(self, count: int) -> None:
        self._bytes -= sum(map(len, self._lines[:count]))
        del self._lines[:count]
