"""A log of rows without a database, for tests of files: as many as are asked for, chained, with contents of any kind."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from adapters.event_store.chain import GENESIS, link
from adapters.event_store.checkpoints import Checkpoint, made, printed
from adapters.event_store.export import Span, written
from adapters.event_store.signing import Signer
from adapters.event_store.stored import Command, Stored
from domain.name.events import NameClaimed
from domain.registry import encode

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SIGNER = Signer(bytes(range(32)))
STRANGER = Signer(bytes(32))


def log_of(names: list[str]) -> list[Stored]:
    """A fact for each name, by one of two people."""
    rows: list[Stored] = []
    for position, name in enumerate(names, 1):
        at, by = NOON + timedelta(seconds=position), f"usr_{position % 2}"
        fact = NameClaimed(stream=f"name_{position}", version=1, at=at, by=by, kind="user", name=name, owner="usr_1")
        command = Command(position, 1, fact.by, str(UUID(int=position)), str(UUID(int=1)), None, "192.0.2.1", "req_1", printed(recorded(position)))
        rows.append(Stored(position, fact.stream, 1, fact.TOPIC, encode(fact), b"", command))
    return chained(rows)


def recorded(position: int) -> datetime:
    return NOON + timedelta(seconds=position, milliseconds=5)


def chained(rows: list[Stored], digest: bytes = GENESIS) -> list[Stored]:
    """The same with the digests that they should have."""
    done: list[Stored] = []
    for row in rows:
        digest = link(digest, row.stream, row.version, row.topic, row.state)
        done.append(row._replace(digest=digest))
    return done


def exported(
    rows: list[Stored], first: int = 1, last: int | None = None, chosen: dict[str, str] | None = None, signer: Signer = SIGNER, every: int = 0,
) -> bytes:
    """The file; with a checkpoint at `every` so many positions."""
    last = len(rows) if last is None else last
    span = Span(first, last, rows[first - 2].digest if first > 1 else GENESIS)
    found = marked(rows, marks(rows, every, signer))
    return b"".join(written(pages(found[first - 1:last]), span, chosen or {}, signer))


def marks(rows: list[Stored], every: int, signer: Signer = SIGNER) -> list[Checkpoint]:
    return [made(signer, row.position, row.digest, recorded(row.position)) for row in rows if every and row.position % every == 0]


def marked(rows: list[Stored], checkpoints: list[Checkpoint]) -> list[Stored]:
    found = {checkpoint.position: checkpoint for checkpoint in checkpoints}
    return [row._replace(mark=found.get(row.position)) for row in rows]


def pages(rows: list[Stored], size: int = 3) -> Iterator[list[Stored]]:
    for start in range(0, len(rows), size):
        yield rows[start:start + size]
