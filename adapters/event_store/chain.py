"""The chain of digests: each event's digest covers the event and, by the digest before it, everything that came before.

A link is SHA-256 over these bytes, without separators; numbers are big-endian and signed:

    previous   32 bytes   the digest of the event at the position before; of the first event: GENESIS
    length      4 bytes   of the stream's name in UTF-8
    stream                the stream's name in UTF-8
    version     8 bytes
    length      4 bytes   of the topic in UTF-8
    topic                 the topic in UTF-8
    state                 the stored bytes, to the end

PostgreSQL computes the same in `log.append` and `log.link` (log.sql). Who keeps a position and its digest outside can tell later
whether anything up to there was changed.
"""

import hashlib
import struct

GENESIS = hashlib.sha256(b"").digest()
"""What stands before the first event."""


def link(previous: bytes, stream: str, version: int, topic: str, state: bytes) -> bytes:
    """The digest of an event that follows the one with the digest `previous`."""
    name, kind = stream.encode(), topic.encode()
    return hashlib.sha256(
        previous + struct.pack(">i", len(name)) + name + struct.pack(">q", version) + struct.pack(">i", len(kind)) + kind + state
    ).digest()
