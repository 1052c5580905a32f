"""A fact as it stands in the log: where, since when, and where it came from. Writers, followers and read models share this shape."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from domain.event import Event


@dataclass(frozen=True)
class Origin:
    """Where a command comes from: kept beside its events, for the audit."""

    actor: str
    """A user's id or `system:<process>`."""
    correlation: UUID
    """The same for everything that follows from one cause."""
    causation: UUID | None = None
    """The command whose event led to this one."""
    source_ip: str = ""
    request_id: str = ""


@dataclass(frozen=True)
class Cause:
    """A command whose facts lead to others."""

    command: UUID
    correlation: UUID


class Recorded(msgspec.Struct, frozen=True):  # made for every fact that is read: five times as fast as a dataclass
    """A fact with its position in the log, the digest of the chain up to it, and the command that stored it."""

    position: int
    event: Event
    digest: bytes
    command: UUID
    origin: Origin
    recorded_at: datetime


@dataclass(frozen=True)
class Unreadable:
    """A stored event that this version of the program cannot read: shown, kept aside, never lost."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes
    error: str
    digest: bytes
    command: UUID
    origin: Origin
    recorded_at: datetime
