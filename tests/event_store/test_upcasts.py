"""A log in an older shape means the same as the same log in today's, for everybody who reads it: states of aggregates, read models, process
managers, exports. Every kind of event is stored here as it might have been a version ago."""

import asyncio
import csv
import io
import threading
from collections.abc import Callable
from contextlib import closing
from uuid import uuid4

import msgspec
import psycopg
import pytest
from eventsourcing.persistence import StoredEvent

from adapters.event_store import reading
from adapters.event_store.files import PostgresAuditFiles
from adapters.event_store.follower import Follower
from adapters.event_store.recorder import LogRecorder
from adapters.event_store.verify import verify
from application.ports.audit import Wanted
from application.processes.catalogue import PROCESSES
from application.work import KINDS, Cache, Work, folded, kind_of
from domain import registry
from domain.event import Event, Json
from domain.recorded import Recorded
from domain.registry import EVENTS, encode, schema_of
from projections.catalogue import PROJECTIONS
from projections.engine.check import check
from projections.engine.projector import Projector
from tests.event_store.audit import SIGNER
from tests.event_store.facts import ORIGIN
from tests.event_store.library import datastore
from tests.golden.make import STREAMS, path
from tests.projections.facts import reader, recorded, samples

OWN = ("stream", "version", "at", "by")
Store = Callable[[list[Event]], None]


def aged(event: Event) -> bytes:
    """As a version ago: the schema is one less, and the event's fields stood together in a `body`."""
    fields = msgspec.json.decode(encode(event))
    body = {name: value for name, value in fields.items() if name not in ("schema", *OWN)}
    return msgspec.json.encode({"schema": fields["schema"] - 1, **{name: fields[name] for name in OWN}, "body": body})


def unfolded(fields: Json) -> Json:
    """The step from there to today."""
    body = fields["body"]
    assert isinstance(body, dict)
    return {**{name: fields[name] for name in OWN}, **body}


@pytest.fixture
def store(database, log, monkeypatch) -> Store:
    """Stores events in the older shape, three by a command."""
    monkeypatch.setattr(registry, "UPCASTS", {(topic, schema_of(cls) - 1): unfolded for topic, cls in EVENTS.items()})
    with datastore(database) as library:
        recorder = LogRecorder(library, writer=log.writer)

        def put(events: list[Event]) -> None:
            for start in range(0, len(events), 3):
                states = [StoredEvent(event.stream, event.version, event.TOPIC, aged(event)) for event in events[start:start + 3]]
                recorder.insert_events(states, command=uuid4(), origin=ORIGIN)

        yield put


def lives() -> dict[str, list[Event]]:
    """For each kind of stream a life with as many kinds of events as can follow one another."""
    found: dict[str, list[Event]] = {}
    for sample in samples() * 2:  # twice: some come before what they need
        aggregate = sample.TOPIC.partition(".")[0]
        stream = f"{STREAMS.get(aggregate, aggregate)}_1"
        life = found.setdefault(stream, [])
        event = msgspec.structs.replace(sample, stream=stream, version=len(life) + 1)
        if not any(type(other) is type(event) for other in life) and can_follow(stream, life, event):
            life.append(event)
    return found


def can_follow(stream: str, life: list[Event], event: Event) -> bool:
    try:
        folded(kind_of(stream), stream, None, [*life, event])
    except (AttributeError, KeyError, AssertionError, TypeError, ValueError, StopIteration):
        return False
    return True


async def test_every_aggregate_is_the_same(log, store):
    told = lives()
    assert {stream.partition("_")[0] for stream in told} == KINDS.keys() - {"adr"}  # an address has a person's events
    assert sum(map(len, told.values())) >= 0.9 * len(EVENTS)
    for stream, life in told.items():
        await asyncio.to_thread(store, life)
        assert await Work(log, Cache()).find(stream) == folded(kind_of(stream), stream, None, life), stream


async def test_every_read_model_is_the_same(database, store):
    """And says so itself: `check` replays the log in today's shape beside what was made of the older one."""
    today = [event for life in lives().values() for event in life]
    await asyncio.to_thread(store, today)
    with closing(Projector(database, PROJECTIONS)) as projector, psycopg.connect(database, autocommit=True) as conn:
        stored = reading.read(conn, 0, len(today) + 1)
        projector.apply(stored)
        assert projector.quarantined == 0
    report = check(database, reader(as_today(stored, today)), PROJECTIONS)
    assert report.ok, report.first_difference
    assert sum(table.rows for table in report.tables) > len(today), "the audit alone has a row for each"


def numbered(events: list[Event]) -> list[Event]:
    return [record.event for record in recorded(*events)]


def as_today(stored: list[Recorded], today: list[Event]) -> list[Recorded]:
    """What the log would say had it been stored in today's shape."""
    return [msgspec.structs.replace(record, event=event) for record, event in zip(stored, today, strict=True)]


async def test_every_process_wishes_for_the_same(database, store):
    today = numbered(samples())
    await asyncio.to_thread(store, today)
    with closing(Follower(database, 0).batches(threading.Event())) as batches:
        seen = [record.event for record in next(batches)]
    assert [[react(event) for react in PROCESSES.values()] for event in seen] == [[react(event) for react in PROCESSES.values()] for event in today]
    assert any(react(event) for event in seen for react in PROCESSES.values())


async def test_an_export_has_the_stored_bytes_and_shows_them_in_todays_shape_and_verifies(as_server, store, admin):
    today = numbered(samples())
    await asyncio.to_thread(store, today)
    files = PostgresAuditFiles(as_server, SIGNER)
    lines = b"".join(await asyncio.to_thread(lambda: list(files.jsonl(Wanted())))).splitlines(keepends=True)
    assert verify(lines, [SIGNER.public]).bad is None
    exported = [msgspec.json.decode(line) for line in lines[:-1]]
    assert [line["event"].encode() for line in exported] == [aged(event) for event in today]
    assert [line["details"] for line in exported] == [masked_details(event) for event in today]
    table = b"".join(await asyncio.to_thread(lambda: list(files.csv(Wanted(), {})))).decode()
    assert [msgspec.json.decode(row["details"]) for row in csv.DictReader(io.StringIO(table, newline=""))] == [line["details"] for line in exported]


def masked_details(event: Event) -> Json:
    """An event's own fields, without references to secrets."""
    state = encode(event).replace(b'{"secret":"sec_1"}', b'"********"')
    return {name: value for name, value in msgspec.json.decode(state).items() if name not in ("schema", *OWN)}


async def test_a_notification_of_the_first_shape_is_read_in_the_second(log, database, as_server):
    """The worked example of docs/events.md, from the bytes that the first version stored."""
    stored = path("notification.requested", 1, "full").read_bytes().rstrip(b"\n")
    first = msgspec.json.decode(stored)
    with datastore(database) as library:
        await asyncio.to_thread(
            lambda: LogRecorder(library, writer=log.writer).insert_events(
                [StoredEvent(first["stream"], 1, "notification.requested", stored.replace(b'"version":3', b'"version":1'))], command=uuid4(),
                origin=ORIGIN))
    state = await Work(log, Cache()).notification(first["stream"])
    [event] = await log.stream(first["stream"])
    assert (event.destination, event.addressee, state.request.destination) == (first["destination"], "", first["destination"])
    line, _ = (b"".join(await asyncio.to_thread(lambda: list(PostgresAuditFiles(as_server, SIGNER).jsonl(Wanted()))))).splitlines()
    exported = msgspec.json.decode(line)
    assert exported["event"].startswith('{"schema":1,')
    assert "addressee" not in exported["event"]
    assert exported["details"]["addressee"] == ""


def test_the_older_shape_is_another_one():
    for event in numbered(samples()):
        assert aged(event) != encode(event)
