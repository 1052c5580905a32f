"""The projector as a process of its own: what it is given, what it tells."""

import asyncio
from pathlib import Path

import psycopg
import pytest

from adapters.event_store.log import PostgresLog
from adapters.runtime.supervisor import Supervisor
from api.wiring.database import as_server
from api.wiring.projecting import LOOP, Orders, in_own_process, ordered
from tests.event_store.facts import append, fact
from tests.support.waiting import until

SECRET = b"32 bytes that nobody is to see ."


@pytest.fixture
async def supervisor():
    made = Supervisor()
    yield made
    await made.stop()


@pytest.fixture
def projector(tmp_path, monkeypatch):
    monkeypatch.setenv("TIANGONG_ADMIN_TOKEN", "a-token-that-is-none-of-its-business")
    with in_own_process(tmp_path) as child:
        yield child


async def test_it_brings_what_is_stored_into_the_read_models(supervisor, projector, database):
    ordered(projector, Orders.of(as_server(database), SECRET), supervisor)
    async with PostgresLog(database) as log:
        position = (await append(log, fact())).position
    with psycopg.connect(database, autocommit=True) as admin:
        await until(lambda: admin.execute("select position from views.positions").fetchone() == (position,))
    assert supervisor.loops[LOOP].trouble == ""


async def test_a_database_that_is_away_is_told(supervisor, projector, tmp_path):
    ordered(projector, Orders.of(f"host={tmp_path} dbname=nothing", SECRET), supervisor)
    loop = supervisor.loops[LOOP]
    await until(lambda: loop.trouble.startswith("OperationalError: "))
    await until(lambda: loop.errors > 1)
    assert projector.pid is not None, "its own supervisor lets it try again: there is no need for another process"


async def test_neither_its_command_line_nor_its_environment_holds_a_secret(supervisor, projector, database):
    ordered(projector, Orders.of(as_server(database), SECRET), supervisor)
    with psycopg.connect(database, autocommit=True) as admin:
        await until(lambda: projects(admin))
    seen = [Path(f"/proc/{projector.pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
    assert b"api.wiring.projecting" in seen[0]
    assert [secret for secret in (SECRET, b"a-token-that", database.encode()) for text in seen if secret in text] == []


def projects(admin: psycopg.Connection) -> bool:
    found = admin.execute("select count(*) from pg_stat_activity where application_name = 'tiangong projections' and datname = current_database()")
    return found.fetchone() != (0,)


async def test_without_orders_it_ends(projector):
    pid = projector.pid
    await asyncio.to_thread(projector.end)
    assert not Path(f"/proc/{pid}").exists()
