"""The running server's rights: it reads and appends; it cannot change what has been written, nor the tables."""

import contextlib

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.errors import InsufficientPrivilege, QueryCanceled
from psycopg.rows import dict_row
from pydantic import SecretStr

from adapters.event_store.log import PostgresLog
from api.settings import SettingsError
from api.wiring.database import as_server, database, must_be_ready, named
from api.wiring.errors import EXPECTED
from api.wiring.tools import migrate_database
from tests.event_store.facts import append, fact


@pytest.fixture
async def server(database):
    async with PostgresLog(as_server(database)) as log:
        await append(log, fact())
    with psycopg.connect(as_server(database), autocommit=True) as conn:
        yield conn


FORBIDDEN = [
    "update log.stored_events set topic = 'x'", "delete from log.stored_events", "truncate log.stored_events",
    "insert into log.stored_events select * from log.stored_events", "update log.stored_events_head set position = 0",
    "update log.stored_events_commands set actor = 'nobody'", "delete from log.stored_events_commands", "drop table log.stored_events",
    "alter table log.stored_events disable trigger all", "set session_replication_role = replica", "create table log.mine (a int)",
    "create table views.mine (a int)", "create table ops.mine (a int)", "drop table views.versions", "create role mine",
    "delete from log.person_keys", "truncate log.person_keys", "update log.person_finders set means = 'x'",
    "select pg_read_file('/etc/passwd')", "copy log.stored_events to program 'cat'",
]


async def test_it_may_change_neither_the_log_nor_the_tables_nor_look_around(server):
    done = []
    for statement in FORBIDDEN:
        with contextlib.suppress(InsufficientPrivilege):
            server.execute(statement)
            done.append(statement)
    assert done == []


async def test_it_may_read_the_log_append_to_it_and_keep_its_own_tables(server):
    assert server.execute("select count(*) from log.stored_events").fetchone() == (1,)
    tables = server.execute("select schemaname, tablename from pg_tables where schemaname in ('views', 'ops')").fetchall()
    assert len(tables) > 10
    for schema, table in tables:
        server.execute(f"delete from {schema}.{table}")


async def test_no_function_lets_it_run_something_with_the_owners_rights_but_append(server):
    """Whatever is executable by it and acts as its owner."""
    rows = server.cursor(row_factory=dict_row).execute(
        "select oid::regproc::text as name from pg_proc p where prosecdef and has_function_privilege('tiangong_server', oid, 'execute')").fetchall()
    assert [row["name"] for row in rows] == ["log.append"]


async def test_its_statements_and_pauses_inside_a_transaction_have_an_end(server):
    shown = {name: server.execute(f"show {name}").fetchone()[0] for name in ("statement_timeout", "idle_in_transaction_session_timeout")}
    assert shown == {"statement_timeout": "1min", "idle_in_transaction_session_timeout": "1min"}
    server.execute("set statement_timeout = 10")
    with pytest.raises(QueryCanceled):
        server.execute("select pg_sleep(10)")


def test_options_of_the_operators_own_stay(database):
    conninfo = as_server(psycopg.conninfo.make_conninfo(database, options="-c work_mem=5MB"))
    with psycopg.connect(conninfo) as conn:
        assert conn.execute("select current_setting('work_mem'), current_user, current_setting('search_path')").fetchone() == (
            "5MB", "tiangong_server", "views,public")


def test_a_database_without_our_tables_is_named_at_the_start(empty_database):
    with pytest.raises(SettingsError, match=r"not set up for this server .*: run `tiangong migrate`"):
        must_be_ready(empty_database)


def test_one_with_our_tables_is_ready_for_the_server(database):
    must_be_ready(as_server(database))


def test_one_that_gives_the_server_no_rights_is_named(database, admin):
    admin.execute("revoke usage on schema ops from tiangong_server")
    with pytest.raises(SettingsError, match="permission denied for schema ops"):
        must_be_ready(as_server(database))


@pytest.mark.parametrize("address", ["postgresql://u:s3cret@[::1/x", "host=x password='s3cret", "hots=x password=s3cret"])
def test_an_address_that_is_none_is_refused_without_its_password(address):
    with pytest.raises(SettingsError, match="DATABASE_URL is no address") as refused:
        named(address)
    assert "s3cret" not in str(refused.value)


def test_a_tool_makes_no_database_where_there_is_none(settings, home):
    alone = settings.model_copy(update={"database_url": None})
    with pytest.raises(SettingsError, match=f"there is no database in {home.path}"), database(alone, home):
        pytest.fail("it went on")
    assert not home.postgres.exists()


def test_who_may_not_migrate_is_told_so_without_a_trace(settings, admin, empty_database):
    admin.execute("create role clerk login")
    try:
        weak = settings.model_copy(update={"database_url": SecretStr(make_conninfo(empty_database, options="-c role=clerk"))})
        with pytest.raises(EXPECTED, match="permission denied for database"):
            migrate_database(weak)
    finally:
        admin.execute("drop role clerk")
