"""What the audit's files tell of a stored event: when, by whom, and its other fields in today's shape, whatever shape it was stored in."""

import re
from typing import NamedTuple

import msgspec

from adapters.event_store.stored import Stored
from domain.config import MASK
from domain.registry import decode, encode

ENVELOPE = re.compile(rb'\{"schema":\d+,"stream":"[^"\\]*","version":\d+,"at":"([^"\\]*)","by":"([^"\\]*)"(,|\}$)')
"""How every stored event of ours begins: its fields stand in order."""
REFERENCE = re.compile(rb'\{"secret":"sec_[^"\\]*"\}')
BEGINS = b'{"secret":"sec_'
"""Looked for first: few facts hold one."""
MASKED = f'"{MASK}"'.encode()


class Told(NamedTuple):
    """`at` as the event prints it; `details`: a JSON object, without references to secrets, as the audit shows it."""

    at: bytes
    by: str
    details: bytes


def told(fact: Stored) -> Told:
    """Where this version of the program cannot read the event, `details` say why: nothing stored may stop a reader."""
    try:
        event = decode(fact.topic, fact.state)
    except Exception as error:  # noqa: BLE001  # UnknownFact, or an upcast that trips over what it finds
        why = f"{type(error).__name__}: {error}"
        return Told(fact.command.recorded_at.encode(), fact.command.actor, msgspec.json.encode({"unreadable": why}))
    state = encode(event)
    envelope = ENVELOPE.match(state)
    assert envelope is not None, "an event's own fields come first"
    rest = b"{" + state[envelope.end():] if envelope[3] == b"," else b"{}"
    return Told(envelope[1], event.by, REFERENCE.sub(MASKED, rest) if BEGINS in rest else rest)
