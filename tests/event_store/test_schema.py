"""The log's tables, functions and rights: append-only, chained, and open to one function."""

import threading
from contextlib import contextmanager

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.event_store import schema
from adapters.event_store.chain import GENESIS, link
from adapters.event_store.log import PostgresLog
from tests.event_store.facts import append, assert_whole, fact
from tests.support.postgres import Databases

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXT, st.integers(0, 2**63 - 1), TEXT, st.binary(max_size=50))
def test_a_link_is_the_same_in_python_and_in_the_database(admin, stream, version, topic, state):
    found = admin.execute("select log.link(%s, %s, %s, %s, %s)", (GENESIS, stream, version, topic, state)).fetchone()[0]
    assert found == link(GENESIS, stream, version, topic, state)


async def test_the_stored_chain_can_be_followed_in_python(log, admin):
    await append(log, fact("x"), fact("größe 名"))
    await append(log, fact("x", 2))
    digest = GENESIS
    query = "select originator_id, originator_version, topic, state, digest from log.stored_events order by notification_id"
    for *event, stored in admin.execute(query):
        digest = link(digest, *event)
        assert digest == stored
    assert admin.execute("select digest from log.stored_events_head").fetchone()[0] == digest


@contextmanager
def tampering(admin):
    """A superuser who switches the triggers off."""
    with admin.transaction(force_rollback=True):
        admin.execute("alter table log.stored_events disable trigger all")
        yield


@pytest.mark.parametrize(
    "change",
    [
        "update log.stored_events set state = convert_to(replace(convert_from(state, 'UTF8'), 'ann', 'eve'), 'UTF8') where notification_id = 3",
        "update log.stored_events set topic = 'name.freed' where notification_id = 3",
        "update log.stored_events set originator_version = 7 where notification_id = 3",
        "delete from log.stored_events where notification_id = 3",
        "update log.stored_events set digest = sha256('') where notification_id = 3",
    ],
)
async def test_a_changed_byte_is_found_and_where(log, admin, change):
    for _ in range(5):
        await append(log, fact())
    with tampering(admin):
        admin.execute(change)
        assert admin.execute("select log.verify(1, 5), log.verify(1, 2), log.verify(3, 5)").fetchone() == (3, None, 3)
    assert admin.execute("select log.verify(1, 5), log.verify(4, 5), log.verify(1, 6)").fetchone() == (None, None, 6)


@pytest.mark.parametrize("table", ["stored_events", "stored_events_commands"])
@pytest.mark.parametrize("change", ["update {} set {} = {}", "delete from {}", "truncate {}"])
async def test_nobody_changes_what_stands_in_the_log(log, admin, table, change):
    column = "topic" if table == "stored_events" else "actor"
    await append(log, fact())
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        admin.execute(change.format(f"log.{table}", column, "'x'"))


@pytest.mark.parametrize("change", ["delete from log.stored_events_head", "truncate log.stored_events_head"])
def test_the_head_stays(admin, change):
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        admin.execute(change)


async def test_the_servers_role_reads_and_appends(as_server, admin):
    async with PostgresLog(as_server) as log:
        await append(log, fact("x"))
        assert len(await log.stream("x")) == 1
    with psycopg.connect(as_server) as conn:
        assert conn.execute("select position from log.stored_events_head").fetchone() == (1,)
        assert conn.execute("select count(*) from log.stored_events_commands").fetchone() == (1,)
    assert_whole(admin, 1)


@pytest.mark.parametrize(
    "statement",
    [
        "insert into log.stored_events values ('x', 1, 't', '', 1, '')",
        "update log.stored_events set topic = 'x'",
        "truncate log.stored_events",
        "update log.stored_events_head set position = 0",
        "insert into log.stored_events_commands select gen_random_uuid(), '', 1, 1, '', gen_random_uuid(), null, '', ''",
        "select log.verify(1, 1)",
        "alter table log.stored_events disable trigger all",
        "create table log.mine (x int)",
        "drop schema log cascade",
    ],
)
def test_the_servers_role_may_do_nothing_else(as_server, statement):
    with psycopg.connect(as_server) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(statement)


def test_others_may_do_nothing(admin):
    admin.execute("create role somebody")
    try:
        admin.execute("set role somebody")
        for statement in ("select * from log.stored_events", f"select log.append({', '.join(['null'] * 12)})", "select log.verify(1, 1)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                admin.execute(statement)
    finally:
        admin.execute("reset role")
        admin.execute("drop role somebody")


def test_appending_never_scans_a_table(admin):
    """Not even while the tables are tiny: that plan would be kept when they are not."""
    call = """select log.append(array['x'], array[%s]::bigint[], '{t}', '{x}', '{1}', array[gen_random_uuid()], '{q}', '{me}',
              array[gen_random_uuid()], array[null]::uuid[], '{""}', '{""}')"""
    before = scans(admin)
    for version in range(1, 20):
        admin.execute(call, (version,))
    assert scans(admin) == before
    assert_whole(admin, 19)


def scans(admin):
    """How often this connection's server process, or another, has read one of the two tables from end to end."""
    admin.execute("select pg_stat_force_next_flush()")
    query = "select sum(seq_scan) from pg_stat_user_tables where schemaname = 'log' and relname in ('stored_events', 'stored_events_commands')"
    return admin.execute(query).fetchone()[0]


def test_events_out_of_their_commands_order_are_refused(admin):
    call = """select log.append('{a,b}', '{1,1}', '{t,t}', '{x,x}', %s, array[gen_random_uuid(), gen_random_uuid()], '{q,q}', '{me,me}',
              array[gen_random_uuid(), gen_random_uuid()], array[null, null]::uuid[], '{"",""}', '{"",""}')"""
    for numbers in ([2, 1], [1, 3], [0, 1]):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="order of its commands"):
            admin.execute(call, (numbers,))
    assert_whole(admin, 0)


def test_a_database_of_another_encoding_is_refused(databases):
    with psycopg.connect(databases.admin, autocommit=True) as server:
        server.execute("create database latin template template0 encoding LATIN1 locale 'C'")
    conninfo = make_conninfo(databases.admin, dbname="latin")
    try:
        with psycopg.connect(conninfo, autocommit=True) as conn, pytest.raises(psycopg.errors.RaiseException, match="UTF8"):
            schema.create(conn)
    finally:
        databases.drop(conninfo)


def test_several_starters_at_once_in_two_databases_of_a_new_server(tmp_path):
    errors = []

    def start(conninfo):
        try:
            with psycopg.connect(conninfo, autocommit=True) as conn:
                schema.create(conn)
        except psycopg.Error as error:
            errors.append(error)

    server = EmbeddedPostgres(tmp_path / "postgres")
    try:
        databases = Databases(server.start())
        conninfos = [databases.create(migrated=False) for _ in range(2)]
        threads = [threading.Thread(target=start, args=(conninfo,)) for conninfo in conninfos * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    finally:
        server.stop()
    assert errors == []


async def test_a_second_migration_changes_nothing_and_waits_for_no_writer(log, admin, database):
    await append(log, fact("x"))
    with psycopg.connect(database) as busy:  # somebody is in the middle of an append
        busy.execute("lock table log.stored_events, log.stored_events_commands, log.stored_events_head in row exclusive mode")
        admin.execute("set lock_timeout = '2s'")
        schema.create(admin)
    await append(log, fact("x", 2))
    assert_whole(admin, 2)
