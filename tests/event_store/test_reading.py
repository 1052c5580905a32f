"""Reading the log: old shapes come out in today's shape at every door; what cannot be read is shown, not lost."""

import threading
from contextlib import closing
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest
from eventsourcing.persistence import StoredEvent

from adapters.event_store import reading
from adapters.event_store.follower import Follower
from adapters.event_store.mapper import EventMapper
from adapters.event_store.reading import Gap
from adapters.event_store.recorder import LogRecorder
from domain import registry
from domain.recorded import Recorded, Unreadable
from domain.registry import UnknownFact
from tests.event_store.facts import ORIGIN, append, fact
from tests.event_store.library import datastore

COMMAND = UUID(int=7)


@pytest.fixture
def store(database, log):
    """Stores bytes as they are, as a version of the program of long ago would have."""
    with datastore(database) as library:
        recorder = LogRecorder(library, writer=log.writer)
        yield lambda *events: recorder.insert_events([StoredEvent(*event) for event in events], command=COMMAND, origin=ORIGIN)


@pytest.fixture
def old(monkeypatch, store):
    """An event stored when its schema was 0 and a name was a `label`; what it is today."""

    def renamed(fields):
        return {"name": fields.pop("label"), **fields}

    monkeypatch.setattr(registry, "UPCASTS", {("name.claimed", 0): renamed})
    today = fact("x")
    fields = {**msgspec.to_builtins(today), "schema": 0, "label": today.name}
    del fields["name"]
    store(("x", 1, "name.claimed", msgspec.json.encode(fields)))
    return today


async def test_the_stream_is_upcast(log, old):
    assert await log.stream("x") == [old]


async def test_what_a_command_stored_is_upcast(log, old):
    assert await log.command(COMMAND) == [old]


def test_the_mapper_upcasts(database, old):
    with datastore(database) as library:
        [stored] = LogRecorder(library).select_events("x")
    assert b'"schema":0' in stored.state
    assert EventMapper().to_domain_event(stored) == old


def test_pages_are_upcast(admin, old):
    assert [record.event for record in reading.read(admin, after=0, limit=10)] == [old]


def test_the_follower_upcasts(database, old):
    with closing(Follower(database, 0).batches(threading.Event())) as batches:
        assert [record.event for record in next(batches)] == [old]


@pytest.fixture
def unreadable(store):
    """Between two facts: a topic that nobody knows, a shape that nobody knows, and no JSON."""
    good = registry.encode(fact("x"))
    store(
        ("x", 1, "name.claimed", good),
        ("y", 1, "name.lost", b"{}"),
        ("y", 2, "name.claimed", b'{"schema":9}'),
        ("y", 3, "name.claimed", b"\xff"),
        ("x", 2, "name.claimed", good),
    )


@pytest.mark.parametrize("door", ["page", "follower"])
async def test_what_cannot_be_read_stops_nobody_and_is_shown_with_its_bytes(admin, database, unreadable, door):
    if door == "page":
        records = reading.read(admin, after=0, limit=10)
    else:
        with closing(Follower(database, 0).batches(threading.Event())) as batches:
            records = next(batches)
    assert [type(record) for record in records] == [Recorded, Unreadable, Unreadable, Unreadable, Recorded]
    assert (records[1].stream, records[1].version, records[1].topic, records[1].state) == ("y", 1, "name.lost", b"{}")
    assert "name.lost" in records[1].error
    assert "schema 9" in records[2].error
    assert {(record.command, record.origin) for record in records} == {(COMMAND, ORIGIN)}


def test_an_upcast_that_fails_stops_nobody(admin, old, store, monkeypatch):
    monkeypatch.setattr(registry, "UPCASTS", {("name.claimed", 0): lambda fields: fields["no such field"]})
    [record] = reading.read(admin, after=0, limit=10)
    assert record.error == "KeyError: 'no such field'"


async def test_a_stream_that_cannot_be_read_says_so(log, unreadable):
    with pytest.raises(UnknownFact, match="topic 'name"):
        await log.stream("y")


async def test_a_record_tells_where_since_when_and_from_whom(log, admin):
    first, second = uuid4(), uuid4()
    await append(log, fact("x"), fact("y"), command=first)
    await append(log, command=uuid4())  # a command without events stands in nobody's way
    await append(log, fact("x", 2), command=second)
    records = reading.read(admin, after=0, limit=10)
    assert [(record.position, record.event.stream, record.event.version) for record in records] == [(1, "x", 1), (2, "y", 1), (3, "x", 2)]
    assert [record.command for record in records] == [first, first, second]
    assert {record.origin for record in records} == {ORIGIN}
    assert records[-1].digest == admin.execute("select digest from log.stored_events_head").fetchone()[0]
    assert records[0].recorded_at <= records[2].recorded_at


async def test_pages_follow_one_another_up_to_a_position(log, admin):
    for _ in range(5):
        await append(log, fact(), fact())
    assert [[row.position for row in page] for page in reading.pages(admin, after=1, limit=4)] == [[2, 3, 4, 5], [6, 7, 8, 9], [10]]
    assert [[row.position for row in page] for page in reading.pages(admin, upto=6, limit=4)] == [[1, 2, 3, 4], [5, 6]]
    assert list(reading.pages(admin, after=10)) == list(reading.pages(admin, after=5, upto=5)) == []


async def test_a_page_keeps_the_stored_bytes(log, admin):
    await append(log, fact("x"))
    [row] = reading.rows(admin, after=0, limit=1)
    assert row.state == admin.execute("select state from log.stored_events").fetchone()[0]
    assert reading.record(row).event == (await log.stream("x"))[0]


@pytest.mark.parametrize("damage", ["stored_events where notification_id = 2", "stored_events_commands where first_position = 2"])
async def test_a_missing_position_is_a_gap(log, admin, damage):
    for _ in range(3):
        await append(log, fact())
    with admin.transaction(force_rollback=True):
        admin.execute("alter table log.stored_events disable trigger all; alter table log.stored_events_commands disable trigger all")
        admin.execute(f"delete from log.{damage}")
        with pytest.raises(Gap, match="position 2 is missing"):
            reading.read(admin, after=0, limit=10)


async def test_reading_a_page_costs_the_same_however_long_the_log_is(log, admin):
    """Planned while the table was tiny and never analysed: it must stay an index scan."""
    await append(log, *(fact() for _ in range(3000)))
    with psycopg.connect(admin.info.dsn) as conn:
        plan = "\n".join(line for line, in conn.execute("explain " + reading.PAGE, {"first": 2901, "limit": 100}))
    assert "Seq Scan" not in plan
    assert "Sort" not in plan
