"""Checkpoints: a server signs now and then what the chain's digest was at the log's end. A checkpoint that is kept elsewhere shows later
whether anything up to its position was changed, even by somebody who can rewrite the whole database.

What is signed are these lines, each ended by a line feed: `tiangong-deploy checkpoint v1`, the position, the digest in hex, the time.

A checkpoint is always of the log's end, and made under a lock that an export takes as well before it looks where the log ends: so no
checkpoint comes later to a place within an exported range, and the same range has the same checkpoints for ever.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from adapters.event_store.signing import Signer, is_signed

LOCK = 7355610
"""The advisory lock: exclusive while a checkpoint is made, shared while an export finds its end."""
EVENTS = 1000
TIME = timedelta(minutes=10)
LOOK = 1.0
"""Seconds between two looks whether one is due."""
COLUMNS = "position, digest, signed_at, key_id, signature"
STATE = """
select h.position, h.digest, c.position, c.signed_at
  from log.stored_events_head h
  left join lateral (select position, signed_at from log.checkpoints order by position desc limit 1) c on true"""


@dataclass(frozen=True)
class Checkpoint:
    position: int
    digest: str
    signed_at: str
    key: str
    signature: str

    @property
    def message(self) -> bytes:
        return f"tiangong-deploy checkpoint v1\n{self.position}\n{self.digest}\n{self.signed_at}\n".encode()

    @property
    def is_good(self) -> bool:
        """Signed by the key that it names. Whether that is a key of ours is another question."""
        return is_signed(self.key, self.message, self.signature)


def made(signer: Signer, position: int, digest: bytes, at: datetime) -> Checkpoint:
    unsigned = Checkpoint(position, digest.hex(), printed(at), signer.public, "")
    return Checkpoint(position, unsigned.digest, unsigned.signed_at, signer.public, signer.sign(unsigned.message))


def printed(at: datetime) -> str:
    """`2026-01-01T12:00:00.000000Z`"""
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:-len("+00:00")] + "Z"


def stored(position: int, digest: bytes, signed_at: datetime, key: str, signature: bytes) -> Checkpoint:
    return Checkpoint(position, digest.hex(), printed(signed_at), key, signature.hex())


class Checkpoints:
    """Makes them: the first one at once, then one whenever the log has grown by `events`, or has grown at all in `time`.
    Several servers on one log share the work."""

    def __init__(
        self, pool: AsyncConnectionPool, signer: Signer, clock: Callable[[], datetime], events: int = EVENTS, time: timedelta = TIME,
    ) -> None:
        self._pool, self._signer, self._clock, self._events, self._time = pool, signer, clock, events, time

    async def run(self) -> None:
        while True:
            await self.sign_if_due()
            await asyncio.sleep(LOOK)

    async def sign_if_due(self) -> Checkpoint | None:
        async with self._pool.connection() as conn:
            if not self._is_due(await (await conn.execute(STATE)).fetchone()):
                return None
        async with self._pool.connection() as conn:  # one transaction
            await conn.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
            state = await (await conn.execute(STATE)).fetchone()  # again: another server may have been faster
            if state is None or not self._is_due(state):
                return None
            signed = made(self._signer, state[0], state[1], self._clock())
            await conn.execute(
                f"insert into log.checkpoints ({COLUMNS}) values (%s, %s, %s, %s, %s)".encode(),
                (signed.position, state[1], signed.signed_at, signed.key, bytes.fromhex(signed.signature)))
        return signed

    def _is_due(self, state: tuple[Any, ...] | None) -> bool:
        if state is None:
            return False
        head, _, last, signed_at = state
        return head > (last or 0) and (last is None or head - last >= self._events or self._clock() - signed_at >= self._time)


def between(conn: psycopg.Connection, first: int, last: int, limit: int | None = None) -> list[Checkpoint]:
    """Those at the positions from `first` to `last`, in order."""
    query = f"select {COLUMNS} from log.checkpoints where position between %s and %s order by position limit %s"
    return [stored(*row) for row in conn.execute(query.encode(), (first, last, limit))]


def every(conn: psycopg.Connection, page: int = 1000) -> Iterator[Checkpoint]:
    after = 0
    while found := between(conn, after + 1, 2**63 - 1, page):
        yield from found
        after = found[-1].position


@dataclass(frozen=True)
class Trouble:
    """`position`: of the first checkpoint that is not right; everything before the one before it is vouched for."""

    position: int
    message: str


def compared(conn: psycopg.Connection, keys: frozenset[str] = frozenset()) -> Iterator[Checkpoint | Trouble]:
    """Every checkpoint that is right, and the first that is not: signed by one of `keys` (by any, if none are given), and the chain,
    computed again from the stored events, has its digest. Needs the rights of the log's owner."""
    at = 0
    for checkpoint in every(conn):
        if keys and checkpoint.key not in keys:
            yield Trouble(checkpoint.position, f"the checkpoint at {checkpoint.position} was signed by {checkpoint.key}, which was not given")
            return
        if not checkpoint.is_good:
            yield Trouble(checkpoint.position, f"the signature of the checkpoint at {checkpoint.position} is wrong")
            return
        row = conn.execute("select log.verify(%s, %s), (select digest from log.stored_events where notification_id = %s)",
                           (at + 1, checkpoint.position, checkpoint.position)).fetchone()
        broken, digest = row or (checkpoint.position, None)
        if broken is not None:
            yield Trouble(checkpoint.position, f"position {broken} is not what was stored, or is missing")
            return
        if digest is None or digest.hex() != checkpoint.digest:
            yield Trouble(checkpoint.position, f"something between {at + 1} and {checkpoint.position} was changed, and the chain made anew")
            return
        yield checkpoint
        at = checkpoint.position
