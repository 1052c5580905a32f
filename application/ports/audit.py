"""The port to the log as a file: what auditors take away with them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

Moment = int | datetime
"""A position of the log, or a time: then it means what the log took at that time or after (before, for an end)."""
FILTERS = ("user_id", "action", "resource", "resource_id")


@dataclass(frozen=True)
class Wanted:
    """A piece of the log; `start` and `end` belong to it. A filter that is None lets everything through."""

    start: Moment | None = None
    end: Moment | None = None
    user_id: str | None = None
    action: str | None = None
    resource: str | None = None
    resource_id: str | None = None

    @property
    def filter(self) -> dict[str, str]:
        return {name: value for name in FILTERS if (value := getattr(self, name)) is not None}


class AuditFiles(Protocol):
    """Each answers in pieces of some hundred lines, made one by one as they are asked for; the first raises what is wrong with what is
    wanted (Invalid). The generator belongs to one thread at a time, holds a connection of its own, and lets go of it when it is closed."""

    def jsonl(self, wanted: Wanted) -> Iterator[bytes]:
        """Everything that is needed to verify it elsewhere; the last line closes and signs it."""

    def csv(self, wanted: Wanted, names: Mapping[str, str]) -> Iterator[bytes]:
        """For reading. `names`: how users are printed, by their ids."""
