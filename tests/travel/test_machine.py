"""What the machine stands on: connections that break, a right that is missing, read models that are behind, a clock that was set back."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.event_store.past import PastLog
from adapters.event_store.reading import read
from api.wiring.database import as_server
from domain.environment.events import EnvironmentChanged, EnvironmentCreated
from domain.event import Event
from domain.user.events import UserCreated
from projections.catalogue import PROJECTIONS
from projections.engine.connections import connect
from projections.engine.projector import Projector
from projections.queries import get_deployment, get_environment
from projections.travel.booth import AGAIN, NoTemporaryTables
from projections.travel.machine import TimeMachine
from tests.api.story import V1, environment
from tests.projections.facts import fact, planned, recorded, started
from tests.support.given import NOON
from tests.support.memory_log import MemoryLog
from tests.support.waiting import wait_until
from tests.travel.store import store

SESSIONS = "select pid, state from pg_stat_activity where application_name = 'tiangong time travel'"


class Teleported(Event, frozen=True, kw_only=True):
    """A fact of a later release."""

    TOPIC = "deployment.teleported"


async def logged(conninfo: str, *events: Event) -> None:
    """Facts in the log and in the read models."""
    log = MemoryLog()
    for record in recorded(*events):
        await log.append([record.event], record.command, record.origin)
    store(conninfo, log.stored, NOON)
    projector = Projector(conninfo, PROJECTIONS)
    with connect(conninfo) as conn:
        projector.apply(read(conn, 0, 1000))
    projector.close()


def place(name: str) -> Event:
    kind = EnvironmentCreated if name == "n1" else EnvironmentChanged
    return fact(kind, "env_1", name=name, type="memory", config={}, is_active=True)


@pytest.fixture
async def machine(database):
    await logged(database, *(place(f"n{n}") for n in range(1, 6)))
    async with TimeMachine(as_server(database), PastLog()) as machine:
        yield machine
    with psycopg.connect(database, autocommit=True) as conn:  # none outlives it
        wait_until(lambda: conn.execute(SESSIONS).fetchall() == [])


async def name_at(machine: TimeMachine, position: int) -> str:
    row = await machine.ask("environment", get_environment, "env_1", position)
    assert row is not None
    return str(row["name"])


async def test_the_server_s_role_may_ask(machine):
    assert [await name_at(machine, n) for n in (5, 1, 3)] == ["n5", "n1", "n3"]
    assert await machine.ask("environment", get_environment, "env_1", 0) is None


async def test_a_connection_that_breaks_is_made_anew(machine, database):
    assert await name_at(machine, 1) == "n1"
    with psycopg.connect(database, autocommit=True) as conn:
        cut = conn.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tiangong time travel'").fetchall()
    assert cut == [(True,)]
    assert await name_at(machine, 2) == "n2"


async def test_tables_are_emptied_now_and_then_and_answers_stay_right(machine):
    for n in range(2 * AGAIN + 3):
        assert await name_at(machine, n % 5 + 1) == f"n{n % 5 + 1}"


async def test_who_gives_up_leaves_a_connection_that_others_can_use(machine):
    for delay in (0.0, 0.001, 0.002, 0.004, 0.008):
        asked = [asyncio.create_task(name_at(machine, 1)) for _ in range(6)]
        await asyncio.wait(asked, timeout=delay)
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        assert [await name_at(machine, n) for n in (4, 2)] == ["n4", "n2"]


async def test_without_the_right_to_temporary_tables_it_says_so(machine, database):
    with psycopg.connect(database, autocommit=True) as conn:
        name = sql.Identifier(str(conninfo_to_dict(database)["dbname"]))
        conn.execute(sql.SQL("revoke temporary on database {} from public").format(name))
    with pytest.raises(NoTemporaryTables, match="temporary tables"):
        await name_at(machine, 1)


async def test_over_http_the_missing_right_is_named(rig, admin, database):
    env = await environment(admin)
    with psycopg.connect(database, autocommit=True) as conn:
        name = sql.Identifier(str(conninfo_to_dict(database)["dbname"]))
        conn.execute(sql.SQL("revoke temporary on database {} from public").format(name))
    async with TimeMachine(as_server(database), PastLog()) as machine:
        rig.app.state.services = replace(rig.services, past=machine)
        answer = await admin.get(f"{V1}/environments/{env}", params={"at": 16})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert "grant temporary on database" in answer.json()["error"]["message"]


async def test_where_there_is_no_database_it_gives_up_in_time(database):
    away = make_conninfo(database, host="127.0.0.1", port="9", connect_timeout="1")
    async with TimeMachine(away, PastLog(), deadline=1.0) as machine:
        with pytest.raises((TimeoutError, psycopg.OperationalError)):
            await machine.position_at(1)


async def test_names_are_those_of_then(database):
    await logged(database, planned("dep_1", tasks=()), fact(UserCreated, "usr_ann", username="ann", email="ann@example.com", roles=()))
    async with TimeMachine(database, PastLog()) as machine:
        rows = [await machine.ask("deployment", get_deployment, "dep_1", n) for n in (1, 2)]
    assert [row["created_by"] for row in rows if row] == ["usr_ann", "ann@example.com"]


async def test_what_this_version_cannot_read_is_put_aside_and_the_rest_is_answered(database):
    await logged(database, planned("dep_1", tasks=()), fact(Teleported, "dep_1"), started("dep_1", ()))
    async with TimeMachine(database, PastLog()) as machine:
        rows = [await machine.ask("deployment", get_deployment, "dep_1", n) for n in (1, 2, 3)]
    assert [(row["phase"], row["position"]) for row in rows if row] == [("pending", 1), ("pending", 1), ("running", 3)]


async def test_every_second_of_a_log_leads_to_the_position_that_it_had_then(machine):
    at = [await machine.position_at(NOON + timedelta(seconds=n)) for n in (-1, 0, 1, 1.5, 2, 4.9, 5, 5000)]
    assert at == [0, 0, 1, 1, 2, 4, 5, 5]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 64, 65, 100])
async def test_a_time_is_found_in_a_log_of_any_length(database, size):
    log = MemoryLog()
    for record in recorded(*(fact(UserCreated, f"usr_{n}", username="u", email="", roles=()) for n in range(size))):
        await log.append([record.event], record.command, record.origin)
    store(database, log.stored, NOON)
    async with TimeMachine(database, PastLog()) as machine:
        assert [await machine.position_at(NOON + timedelta(seconds=n + 0.5)) for n in range(size + 1)] == list(range(size + 1))


async def test_where_the_clock_was_set_back_a_time_leads_to_one_of_the_moments_that_showed_it(database):
    log = MemoryLog()
    for record in recorded(*(fact(UserCreated, f"usr_{n}", username="u", email="", roles=()) for n in range(10))):
        await log.append([record.event], record.command, record.origin)
    store(database, log.stored[:6], NOON)
    store(database, log.stored[6:], NOON - timedelta(seconds=3), after=6)  # 7 to 10 were recorded at 4, 5, 6, 7 seconds
    async with TimeMachine(database, PastLog()) as machine:
        found = {n: await machine.position_at(NOON + timedelta(seconds=n)) for n in range(8)}
        again = {n: await machine.position_at(NOON + timedelta(seconds=n)) for n in range(8)}
    assert found == again
    assert [found[n] for n in (0, 1, 2, 3, 7)] == [0, 1, 2, 3, 10], "outside of the stretch nothing is in doubt"
    assert all(found[n] in (n, n + 3) for n in (4, 5, 6))


async def test_the_future_is_by_the_clock_of_the_database(machine):
    with pytest.raises(Exception, match="has not come yet"):
        await machine.position_at(datetime.now(UTC) + timedelta(minutes=5))
