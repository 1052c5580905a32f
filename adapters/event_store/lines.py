"""The lines of an exported log: their fields, their order, their seals. docs/audit.md tells it byte by byte.

Every line but the last ends with its seal: the first 16 hex digits of the SHA-256 of all the file's bytes that stand before
`,"seal":`. So a changed byte is found in its line. The last line has the SHA-256 of all that stands before it, and a signature.
"""

import hashlib
import re

import msgspec

from adapters.event_store.checkpoints import Checkpoint, printed
from adapters.event_store.reading import Row, record
from adapters.event_store.signing import Signer
from domain.config import MASK
from domain.recorded import Unreadable
from domain.registry import encode

ENVELOPE = re.compile(rb'\{"schema":\d+,"stream":"[^"\\]*","version":\d+,"at":"([^"\\]*)","by":"([^"\\]*)"(,|\}$)')
"""How every stored event of ours begins: its fields stand in order."""
REFERENCE = re.compile(rb'\{"secret":"sec_[^"\\]*"\}')
MASKED = f'"{MASK}"'.encode()
SIGNED = b"tiangong-deploy export v1\n"
"""What stands before the closing line's bytes in the message that is signed."""


class Line(msgspec.Struct, frozen=True):
    """A fact: the audit's row, and `event`, its stored bytes."""

    position: int
    user_id: str
    action: str
    resource: str
    resource_id: str
    resource_version: int
    timestamp: str
    source_ip: str
    request_id: str
    command_id: str
    correlation_id: str
    causation_id: str | None
    recorded_at: str
    details: msgspec.Raw
    event: str
    digest: str


class LeftOut(msgspec.Struct, frozen=True):
    """A fact that the filter did not want: its place in the chain."""

    position: int
    digest: str


class Marked(msgspec.Struct, frozen=True):
    """A checkpoint, behind the fact that it is about."""

    checkpoint: int
    digest: str
    signed_at: str
    key: str
    signature: str

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "Marked":
        return cls(checkpoint.position, checkpoint.digest, checkpoint.signed_at, checkpoint.key, checkpoint.signature)

    @property
    def as_checkpoint(self) -> Checkpoint:
        return Checkpoint(self.checkpoint, self.digest, self.signed_at, self.key, self.signature)


class Closing(msgspec.Struct, frozen=True, rename={"first": "from"}):
    """`count`: facts that are shown; `left_out`: those that are not; `previous`: the digest before the first, `digest`: after the last;
    `content`: SHA-256 of everything before this line; `key`: the public key of who signed."""

    count: int
    left_out: int
    first: int
    last_position: int
    previous: str
    digest: str
    filter: dict[str, str]
    content: str
    key: str


def line(row: Row) -> Line:
    """Raises ValueError for an event that is no text: nothing that we have ever stored."""
    try:
        event = row.state.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"the event at position {row.position} is no UTF-8: {error}") from error
    at, by, details = told(row)
    return Line(
        row.position, by, row.topic, row.topic.partition(".")[0], row.stream, row.version, at, row.source_ip, row.request_id, str(row.command),
        str(row.correlation), str(row.causation) if row.causation else None, printed(row.recorded_at), msgspec.Raw(details), event,
        row.digest.hex())


def told(row: Row) -> tuple[str, str, bytes]:
    """When, by whom, and the event's other fields in today's shape, without references to secrets: as the audit shows them."""
    fact = record(row)
    if isinstance(fact, Unreadable):
        return printed(row.recorded_at), row.actor, msgspec.json.encode({"unreadable": fact.error})
    state = encode(fact.event)
    envelope = ENVELOPE.match(state)
    assert envelope is not None, "an event's own fields come first"
    rest = b"{" + (state[envelope.end():] if envelope[3] == b"," else b"}")
    return envelope[1].decode(), fact.event.by, REFERENCE.sub(MASKED, rest)


class Sealing:
    """Turns JSON objects into lines, in the file's order."""

    def __init__(self) -> None:
        self._before = hashlib.sha256()

    def sealed(self, content: msgspec.Struct) -> bytes:
        body = msgspec.json.encode(content)[:-1]
        self._before.update(body)
        tail = seal(self._before.hexdigest())
        self._before.update(tail)
        return body + tail

    @property
    def content(self) -> str:
        return self._before.hexdigest()


def seal(digest: str) -> bytes:
    return b',"seal":"%s"}\n' % digest[:16].encode()


SEAL = len(seal("0" * 16))


def closed(closing: Closing, signer: Signer) -> bytes:
    body = msgspec.json.encode(closing)[:-1]
    return body + b',"signature":"%s"}\n' % signer.sign(SIGNED + body).encode()
