"""A log of rows without a database, for tests of files: as many as are asked for, chained, with contents of any kind."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from adapters.event_store.chain import GENESIS, link
from adapters.event_store.checkpoints import Checkpoint, made
from adapters.event_store.export import Page, Span, written
from adapters.event_store.reading import Row
from adapters.event_store.signing import Signer
from domain.name.events import NameClaimed
from domain.registry import encode

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SIGNER = Signer(bytes(range(32)))
STRANGER = Signer(bytes(32))


def log_of(names: list[str]) -> list[Row]:
    """A fact for each name, by one of two people."""
    rows: list[Row] = []
    for position, name in enumerate(names, 1):
        at, by = NOON + timedelta(seconds=position), f"usr_{position % 2}"
        fact = NameClaimed(stream=f"name_{position}", version=1, at=at, by=by, kind="user", name=name, owner="usr_1")
        rows.append(Row(position, fact.stream, 1, fact.TOPIC, encode(fact), b"", UUID(int=position), fact.by, UUID(int=1), None, "192.0.2.1", "req_1",
                        fact.at + timedelta(milliseconds=5)))
    return chained(rows)


def chained(rows: list[Row], digest: bytes = GENESIS) -> list[Row]:
    """The same with the digests that they should have."""
    done: list[Row] = []
    for row in rows:
        digest = link(digest, row.stream, row.version, row.topic, row.state)
        done.append(row._replace(digest=digest))
    return done


def exported(
    rows: list[Row], first: int = 1, last: int | None = None, chosen: dict[str, str] | None = None, signer: Signer = SIGNER, every: int = 0,
) -> bytes:
    """The file; with a checkpoint at `every` so many positions."""
    last = len(rows) if last is None else last
    span = Span(first, last, rows[first - 2].digest if first > 1 else GENESIS)
    return b"".join(written(pages(rows[first - 1:last], marks(rows, every, signer), last), span, chosen or {}, signer))


def marks(rows: list[Row], every: int, signer: Signer = SIGNER) -> list[Checkpoint]:
    return [made(signer, row.position, row.digest, row.recorded_at) for row in rows if every and row.position % every == 0]


def pages(rows: list[Row], checkpoints: list[Checkpoint], last: int, size: int = 3) -> Iterator[Page]:
    for start in range(0, len(rows), size):
        yield Page(rows[start:start + size], {c.position: c for c in checkpoints if c.position < last})
