"""What this process has appended lately: whoever follows the log here need not read, nor decode, what was just written next to him.

Positions have no gaps, so a piece that begins right behind what somebody has seen is what he would have read. What others appended in between
is missing here, and so is what names people: the log alone knows who may still be named. Then he reads.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from domain.event import Event
from domain.recorded import Origin

KEPT, LARGEST = 2000, 16_384
"""Facts; and bytes of a request whose facts are kept: so many large ones would fill the memory."""


class Heard(NamedTuple):
    """A fact and where it stands, as far as the process knows that stored it."""

    position: int
    event: Event
    command: UUID
    origin: Origin


Piece = tuple[Sequence[Event], UUID, Origin]


class Lately:
    """Written by one thread, read by any."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept, self._size = kept, 0
        self._pieces: dict[int, Piece] = {}
        """By the position of the first fact."""
        self._order: deque[int] = deque()

    def add(self, first: int, events: Sequence[Event], command: UUID, origin: Origin) -> None:
        """A command's facts, which are stored from that position on."""
        if any(event.PERSONAL for event in events):
            return
        self._pieces[first] = events, command, origin
        self._order.append(first)
        self._size += len(events)
        while self._size > self._kept:
            self._size -= len(self._pieces.pop(self._order.popleft())[0])

    def after(self, position: int, most: int = 500) -> list[Heard]:
        """What follows upon that position without a gap: whole commands, until there are so many."""
        found: list[Heard] = []
        while len(found) < most and (piece := self._pieces.get(position + 1)):
            events, command, origin = piece
            found += [Heard(number, event, command, origin) for number, event in enumerate(events, position + 1)]
            position += len(events)
        return found
