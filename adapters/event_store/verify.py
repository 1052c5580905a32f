"""Is an exported file a whole and unchanged piece of a log? Told from the file alone, line by line, in little memory."""

import hashlib
import re
import struct
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

import msgspec

from adapters.event_store.chain import GENESIS, link
from adapters.event_store.checkpoints import Checkpoint
from adapters.event_store.lines import SEAL, SIGNED, Closing, Marked, seal
from adapters.event_store.signing import is_signed

SIGNATURE = re.compile(rb',"signature":"([0-9a-f]{128})"\}\n')
UNREADABLE = (msgspec.DecodeError, ValueError, struct.error)
"""ValueError: no UTF-8, no hex; struct.error: no version that an event can have."""
SIGNATURE_LENGTH = len(b',"signature":""}\n') + 128


@dataclass(frozen=True)
class Verdict:
    """`bad`: the first position that is not as it was stored, or that nothing vouches for, or None; `message` says what was seen."""

    bad: int | None
    message: str


class Bad(Exception):
    def __init__(self, position: int, message: str) -> None:
        super().__init__(message)
        self.position = position


class Entry(msgspec.Struct, frozen=True):
    """What the chain needs of a line; a position that was left out has no event."""

    position: int
    digest: str
    resource_id: str = ""
    resource_version: int = 0
    action: str = ""
    event: str | None = None

    def after(self, previous: str) -> str:
        """The digest that it should have."""
        return link(bytes.fromhex(previous), self.resource_id, self.resource_version, self.action, (self.event or "").encode()).hex()


def verify(lines: Iterable[bytes], keys: Iterable[str] = (), kept: Iterable[Checkpoint] = ()) -> Verdict:
    """`lines`: of the file, each with its line feed. `keys`: public keys that are trusted; without any, signatures are compared with the
    keys that the file itself names, which shows accidents, not forgers. `kept`: checkpoints that were kept outside."""
    reading = Reading(frozenset(keys), {checkpoint.position: checkpoint for checkpoint in kept})
    rest, text = iter(lines), b""
    try:
        for text in rest:
            reading.take(text)
        return Verdict(None, reading.end())
    except Bad as bad:
        return Verdict(reading.named(bad, deque(chain((text,), rest), maxlen=1)), str(bad))


class Reading:
    def __init__(self, keys: frozenset[str], kept: Mapping[int, Checkpoint]) -> None:
        self._keys, self._kept = keys, kept
        self._before = hashlib.sha256()
        self._first: Entry | None = None
        self._digest = GENESIS.hex()
        self._want, self._vouched, self._shown, self._checkpoints = 1, 0, 0, 0
        self._closing: Closing | None = None

    def take(self, text: bytes) -> None:
        if self._closing is not None:
            raise Bad(self._want, "something stands behind the closing line")
        if not text.endswith(b"\n"):
            raise Bad(self._want, "the file was cut off in the middle of a line")
        if text.startswith(b'{"count":'):
            self._close(text)
            return
        body = self._opened(text)
        try:
            if body.startswith(b'{"checkpoint":'):
                self._mark(msgspec.json.decode(body + b"}", type=Marked).as_checkpoint)
            else:
                self._entry(msgspec.json.decode(body + b"}", type=Entry))
        except UNREADABLE as error:
            raise Bad(self._want, f"a line cannot be read: {error}") from error

    def _opened(self, text: bytes) -> bytes:
        body = text[:-SEAL]
        self._before.update(body)
        if text[-SEAL:] != seal(self._before.hexdigest()):
            raise Bad(self._want, f"the line of position {self._want} was changed, or is missing or out of its place")
        self._before.update(text[-SEAL:])
        return body

    def _entry(self, entry: Entry) -> None:
        if self._first is None:
            self._first, self._want, self._vouched = entry, entry.position, entry.position - 1
        if entry.position != self._want:
            raise Bad(self._want, f"position {self._want} is missing or out of its place")
        # where the file does not begin with the log, the closing line tells later what stood before
        if entry.event is not None and (self._first is not entry or entry.position == 1) and entry.after(self._digest) != entry.digest:
            raise Bad(self._want, f"position {self._want} is not what was stored, or what stands before it is not")
        self._digest, self._want, self._shown = entry.digest, self._want + 1, self._shown + (entry.event is not None)
        if entry.position in self._kept:
            self._vouch(self._kept[entry.position])

    def _mark(self, checkpoint: Checkpoint) -> None:
        if checkpoint.position != self._want - 1:
            raise Bad(self._want, f"a checkpoint of position {checkpoint.position} stands behind position {self._want - 1}")
        self._vouch(checkpoint)

    def _vouch(self, checkpoint: Checkpoint) -> None:
        self._signed(checkpoint.is_good, checkpoint.key, f"the checkpoint at {checkpoint.position}")
        if checkpoint.digest != self._digest:
            raise Bad(self._vouched + 1, f"a checkpoint has another digest for position {checkpoint.position}: "
                                         f"what stands from {self._vouched + 1} to there was made anew")
        self._vouched, self._checkpoints = checkpoint.position, self._checkpoints + 1

    def _signed(self, good: bool, key: str, what: str) -> None:
        where = f"nothing vouches for what stands behind position {self._vouched}"
        if not good:
            raise Bad(self._vouched + 1, f"the signature of {what} is wrong: {where}")
        if self._keys and key not in self._keys:
            raise Bad(self._vouched + 1, f"{what} was signed by {key}, not by a key that was given: {where}")

    def _close(self, text: bytes) -> None:
        body, signature = text[:-SIGNATURE_LENGTH], SIGNATURE.fullmatch(text[-SIGNATURE_LENGTH:])
        try:
            closing = msgspec.json.decode(body + b"}", type=Closing)
            self._begins(closing)
        except UNREADABLE as error:
            raise Bad(self._want, f"the closing line cannot be read: {error}") from error
        self._ends(closing)
        self._signed(signature is not None and is_signed(closing.key, SIGNED + body, signature[1].decode()), closing.key, "the closing line")
        self._closing = closing

    def _begins(self, closing: Closing) -> None:
        if self._first is None:
            self._want, self._vouched, self._digest = closing.first, closing.first - 1, closing.previous
        elif self._first.position != closing.first:
            raise Bad(min(closing.first, self._first.position), f"the file should begin with position {closing.first}")
        elif self._first.event is not None and self._first.after(closing.previous) != self._first.digest:
            raise Bad(closing.first, f"position {closing.first} is not what was stored, or does not follow what stood before")
        if closing.first == 1 and closing.previous != GENESIS.hex():
            raise Bad(1, "the file does not begin where every log begins")

    def _ends(self, closing: Closing) -> None:
        seen = self._want - closing.first
        if closing.last_position != self._want - 1 or (closing.count, closing.left_out) != (self._shown, seen - self._shown):
            raise Bad(self._want, f"the file has {self._shown} of {seen} positions; its closing line says "
                                  f"{closing.count} of {closing.count + closing.left_out}, up to {closing.last_position}")
        if closing.left_out and not closing.filter:
            raise Bad(closing.first, "positions are left out, and the closing line names no filter")
        if (closing.digest, closing.content) != (self._digest, self._before.hexdigest()):
            raise Bad(self._want, "the closing line is of another file")

    def end(self) -> str:
        """What was verified. Raises Bad where the file has no end."""
        closing = self._closing
        if closing is None:
            raise Bad(self._want, "the closing line is missing: the file was cut off")
        left_out = f" and {closing.left_out} left out" if closing.left_out else ""
        trust = "" if self._keys else " (is that your server's key? see `tiangong audit key`)"
        return (f"{closing.count} events{left_out}, from {closing.first} to {closing.last_position}, digest {closing.digest}, "
                f"{self._checkpoints} checkpoints, signed by {closing.key}{trust}")

    def named(self, bad: Bad, last: Iterable[bytes]) -> int:
        """The first bad position. Where not even the first line is good, the closing line tells which it should have been,
        even where the first line has run into it: nothing else in a file has these quotes unescaped."""
        if self._first is None:
            for text in last:
                if found := re.search(rb'\{"count":\d+,"left_out":\d+,"from":(\d{1,18}),', text):
                    return int(found[1])
        return bad.position


def kept_line(checkpoint: Checkpoint) -> bytes:
    """A checkpoint as it is kept outside: as in an export, but for the seal."""
    return msgspec.json.encode(Marked.of(checkpoint)) + b"\n"


def kept_lines(lines: Iterable[bytes]) -> list[Checkpoint]:
    """Raises ValueError for what is no checkpoint."""
    try:
        return [msgspec.json.decode(text, type=Marked).as_checkpoint for text in lines if text.strip()]
    except msgspec.DecodeError as error:
        raise ValueError(f"not a file of checkpoints: {error}") from error
