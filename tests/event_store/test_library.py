"""The eventsourcing library on our log: its own cases for recorders, and its tools, which may read and may not write."""

from uuid import uuid4

import psycopg
import pytest
from eventsourcing.application import Application
from eventsourcing.persistence import DataError, EventStore, IntegrityError, OperationalError, ProgrammingError, StoredEvent
from eventsourcing.tests import persistence as cases

from adapters.event_store.mapper import EventMapper
from adapters.event_store.recorder import LogRecorder
from tests.event_store.facts import append, assert_whole, database_away, fact
from tests.event_store.library import datastore, environment


class OnOurLog:
    """A recorder on a fresh database for each of the library's cases; afterwards chain, count and head must agree."""

    @pytest.fixture(autouse=True)
    def _database(self, empty_database):
        self.conninfo, self.made = empty_database, []
        yield
        for recorder in self.made:
            recorder.close()
            recorder.datastore.close()
        with psycopg.connect(empty_database, autocommit=True) as conn:
            assert_whole(conn)

    def create_recorder(self):
        self.made.append(LogRecorder(datastore(self.conninfo)))
        self.made[-1].create_table()
        return self.made[-1]

    def new_originator_id(self):
        return f"thing_{uuid4()}"


class TestApplicationRecorder(OnOurLog, cases.ApplicationRecorderTestCase):
    def test_insert_subscribe(self):
        self.optional_test_insert_subscribe()


class TestNonInterleavingPositions(OnOurLog, cases.NonInterleavingNotificationIDsBaseCase):
    pass


@pytest.fixture
def recorder(database):
    with datastore(database) as store:
        recorder = LogRecorder(store, deadline=0.5)
        yield recorder
        recorder.close()


def test_the_recorder_speaks_of_refusals_in_the_librarys_words(recorder, databases, database):
    event, command = StoredEvent("x", 1, "t", b"{}"), uuid4()
    assert recorder.insert_events([event], command=command) == [1] == recorder.insert_events([event], command=command)
    with pytest.raises(IntegrityError, match="somebody wrote first"):
        recorder.insert_events([event])
    with pytest.raises(IntegrityError, match="used before"):
        recorder.insert_events([event], command=command, request=b"another")
    with pytest.raises(DataError, match="NUL"):
        recorder.insert_events([StoredEvent("\0", 1, "t", b"{}")])
    with database_away(databases.admin, database), pytest.raises(OperationalError, match="no answer within"):
        recorder.insert_events([StoredEvent("y", 1, "t", b"{}")])
    assert recorder.insert_events([]) is None


def test_the_recorder_refuses_another_schema_or_kind_of_id(database):
    with datastore(database) as store:
        store.schema = "public"
        with pytest.raises(ValueError, match="schema 'log'"):
            LogRecorder(store)


def test_the_librarys_event_store_keeps_and_gives_our_facts(recorder):
    store = EventStore(EventMapper(), recorder)
    facts = [fact("x"), fact("x", 2)]
    store.put(facts)
    assert list(store.get("x")) == facts


def test_a_cipher_or_a_compressor_is_refused():
    with pytest.raises(ValueError, match="plain JSON"):
        EventMapper(compressor=object())


class Stock(Application):
    """An application of the library as it comes; its tables have the application's name, so it has ours."""

    name = "stored"


async def test_a_stock_application_reads_our_log(log, database):
    facts = [fact("x"), fact("y"), fact("x", 2)]
    await append(log, *facts)
    app = Stock(environment(database))
    assert [app.mapper.to_domain_event(found) for found in app.notification_log.select(1, 10)] == facts
    assert list(app.events.get("x")) == [facts[0], facts[2]]
    assert app.recorder.max_notification_id() == 3
    with app.recorder.subscribe(gt=2) as subscription:
        assert next(subscription).id == 3
    app.close()


@pytest.fixture
def somebody(admin):
    """A user with the server's rights."""
    admin.execute("create role somebody login in role tiangong_server")
    yield "somebody"
    admin.execute("drop role somebody")


async def test_a_stock_application_cannot_write_our_log(log, database, somebody):
    await append(log, fact("x"))
    for settings, error, words in (
        ({}, ProgrammingError, "Composite type .* not found"),
        ({"CREATE_TABLE": "yes"}, IntegrityError, 'null value in column "notification_id"'),  # as the owner, with all that it needs
        ({"POSTGRES_USER": somebody}, ProgrammingError, "permission denied"),
    ):
        app = Stock(environment(database, **settings))
        with pytest.raises(error, match=words):
            app.recorder.insert_events([StoredEvent("x", 2, "t", b"{}")])
        app.close()
