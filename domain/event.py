"""What every fact has: the stream it belongs to, its number there, when it happened and who made it happen."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

import msgspec

Json = dict[str, object]


class Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of an event: plain data, stored inside the event's JSON."""


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="schema", tag=1):
    """A fact. `schema` (the struct's tag) is the version of its JSON: raise it with `tag=2` and an entry in the aggregate's `upcasts.py`."""

    TOPIC: ClassVar[str]
    PERSONAL: ClassVar[Mapping[str, str]] = {}
    """Fields that name a person, and for each the field that says whose it is (see `domain.personal`)."""
    stream: str
    version: int
    at: datetime
    by: str
    """A user's id, or `system:<process>` for what no person did."""
