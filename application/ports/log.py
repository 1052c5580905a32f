"""The port to the log: every fact, stored once, in one order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol
from uuid import UUID

from domain.event import Event
from domain.recorded import Cause, Origin, Recorded

__all__ = ["NOTHING", "Appended", "Cause", "Conflict", "IdReused", "Log", "LogUnavailable", "Origin", "Recorded"]


@dataclass(frozen=True)
class Appended:
    """`position` of the command's last event (of the log's head, if it had none); `repeated`: it had been stored before, under this id."""

    position: int
    first: int
    count: int
    repeated: bool = False


class Conflict(Exception):
    """Somebody wrote one of these streams first; nothing was stored. Load again and decide again."""


class IdReused(Exception):
    """The command's id was used before, for another content."""


class LogUnavailable(Exception):
    """The log could not be reached in time. What came of the command is not known: send it again under the same id."""


NOTHING: Mapping[str, int] = MappingProxyType({})


class Log(Protocol):
    async def append(
        self, events: Sequence[Event], command: UUID, origin: Origin, request: bytes = b"", seen: Mapping[str, int] = NOTHING
    ) -> Appended:
        """Store the events, of one or many streams, in one commit, or none of them. The same command id again stores nothing and
        answers the same. `request`: what the command asked for; the same id with another request raises IdReused.
        `seen`: streams that were read and are not written, each with its last version then (0: no facts); one that has another when the
        events are stored is a Conflict too. Raises Conflict, IdReused, LogUnavailable."""

    async def stream(self, stream: str, after: int = 0) -> list[Event]:
        """The events of one stream, upcast to today's shape, in order, with a version above `after`."""

    async def command(self, command: UUID) -> list[Event] | None:
        """The events that a command stored; None if the log does not know it."""

    async def cause(self, stream: str) -> Cause | None:
        """The command that stored the stream's newest event: what comes of it follows from that. None for a stream without events."""
