"""The lines of an exported log: their fields, their order, their seals. docs/audit.md tells it byte by byte.

Every line but the last ends with its seal: the first 16 hex digits of the SHA-256 of all the file's bytes that stand before
`,"seal":`. So a changed byte is found in its line. The last line has the SHA-256 of all that stands before it, and a signature.
"""

import hashlib
from binascii import hexlify
from functools import lru_cache

import msgspec

from adapters.event_store.checkpoints import Checkpoint
from adapters.event_store.signing import Signer
from adapters.event_store.stored import Command, Stored
from adapters.event_store.telling import Told

quoted = msgspec.json.Encoder().encode
LINE = (b'{"position":%d,"user_id":%b,%b,"resource_id":%b,"resource_version":%d,"timestamp":"%b",%b,"details":%b,"event":%b,'
        b'"digest":"%b"')
SIGNED = b"tiangong-deploy export v1\n"
"""What stands before the closing line's bytes in the message that is signed."""


class Marked(msgspec.Struct, frozen=True):
    """A checkpoint's line."""

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


def line(fact: Stored, told: Told, origin: bytes) -> bytes:
    """A fact's line, up to where its seal begins: the audit's row, and `event`, its stored bytes. `origin`: see `asked`.
    Raises ValueError for an event that is no text: nothing that we have ever stored."""
    try:
        event = fact.state.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"the event at position {fact.position} is no UTF-8: {error}") from error
    return LINE % (
        fact.position, quoted(told.by), kind(fact.topic), quoted(fact.stream), fact.version, told.at, origin, told.details,
        quoted(event), hexlify(fact.digest))


def left_out(fact: Stored) -> bytes:
    """The line of a fact that the filter did not want: its place in the chain."""
    return b'{"position":%d,"digest":"%b"' % (fact.position, hexlify(fact.digest))


def marked(checkpoint: Checkpoint) -> bytes:
    """The line of a checkpoint, behind the fact that it is about."""
    return msgspec.json.encode(Marked.of(checkpoint))[:-1]


@lru_cache(1024)
def kind(topic: str) -> bytes:
    return b'"action":%b,"resource":%b' % (quoted(topic), quoted(topic.partition(".")[0]))


def asked(command: Command) -> bytes:
    """The fields that all facts of a command share."""
    causation = quoted(command.causation) if command.causation else b"null"
    return b'"source_ip":%b,"request_id":%b,"command_id":"%b","correlation_id":"%b","causation_id":%b,"recorded_at":"%b"' % (
        quoted(command.source_ip), quoted(command.request_id), command.id.encode(), command.correlation.encode(), causation,
        command.recorded_at.encode())


class Sealing:
    """Turns JSON objects into lines, in the file's order."""

    def __init__(self) -> None:
        self._before = hashlib.sha256()

    def sealed(self, body: bytes) -> bytes:
        """`body`: a line up to where its seal begins."""
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
