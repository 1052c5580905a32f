"""The read models on the real log: what was appended is read, projected, compared and made again."""

from dataclasses import replace
from functools import partial
from uuid import uuid4

import psycopg
import pytest

from adapters.event_store.connections import connect
from adapters.event_store.log import PostgresLog
from adapters.event_store.reading import read
from domain.event import Event
from projections.catalogue import PROJECTIONS
from projections.engine.check import check
from projections.engine.projector import Projector
from projections.engine.rebuild import rebuild
from projections.queries import get_audit_log, get_deployment, quarantined
from tests.projections.facts import fact, origin_of, planned, recorded, samples, started


class Teleported(Event, frozen=True, kw_only=True):
    """A fact of a later release."""

    TOPIC = "deployment.teleported"


@pytest.fixture
async def log(database: str):
    async with PostgresLog(database) as log:
        yield log


async def append(log: PostgresLog, *events: Event) -> int:
    return (await log.append(events, uuid4(), replace(origin_of("usr_ann", 7), request_id="req_7"))).position


def project(database: str, projector: Projector) -> int:
    with connect(database, "test") as conn:
        while batch := read(conn, projector.position, 3):
            projector.apply(batch)
    return projector.position


async def test_what_was_appended_is_in_the_read_models_and_they_are_what_the_log_says(log, database, projector, pool, admin):
    story = recorded(planned("dep_1", tasks=()), fact(Teleported, "dep_2"), *samples(), started("dep_1", ()))
    for record in story:
        end = await append(log, record.event)
    assert project(database, projector) == end
    assert (await get_deployment(pool, "dep_1"))["phase"] == "running"
    assert (await get_audit_log(pool, 2))["action"] == "deployment.teleported"
    assert {row["projection"] for row in await quarantined(pool) if row["position"] == 2} == {p.name for p in PROJECTIONS} - {"audit_logs"}
    report = check(database, read, PROJECTIONS)
    assert report.ok, report.first_difference
    admin.execute("update deployments set phase = 'success' where id = 'dep_1'")
    assert check(database, read, PROJECTIONS).first_difference.table == "deployments"
    assert rebuild(database, read, PROJECTIONS, ["deployments"]).position == end
    assert check(database, read, PROJECTIONS).ok


async def test_the_audit_knows_where_a_command_came_from(log, database, projector, pool):
    await append(log, planned("dep_1", tasks=()))
    project(database, projector)
    found = await get_audit_log(pool, 1)
    assert (found["source_ip"], found["request_id"], found["correlation_id"][-1]) == ("192.0.2.1", "req_7", "7")


async def test_a_log_and_read_models_of_the_server_s_role(log, database, pool):
    await append(log, planned("dep_1", tasks=()))
    as_server = partial(psycopg.conninfo.make_conninfo, database, options="-c role=tiangong_server")
    projector = Projector(as_server(), PROJECTIONS)
    assert project(as_server(), projector) == 1
    projector.close()
    assert (await get_deployment(pool, "dep_1"))["position"] == 1
