"""The audit as a file, over HTTP."""

import csv
import io

import httpx
import msgspec
import psycopg
import pytest

from adapters.event_store.verify import verify
from api.rest.file_answer import MOST, Making
from tests.api.house import SIGNER
from tests.api.serving import served
from tests.api.story import V1, version
from tests.support.waiting import until

EXPORT = f"{V1}/audit-logs/export"


async def test_an_export_is_the_audit_and_verifies(admin):
    await version(admin)
    answer = await admin.get(EXPORT)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/jsonl")
    assert 'filename="audit.jsonl"' in answer.headers["content-disposition"]
    lines = answer.content.splitlines(keepends=True)
    assert verify(lines, [SIGNER.public]).bad is None
    listed = (await admin.get(f"{V1}/audit-logs?page_size=100")).json()["audit_logs"]
    exported = [msgspec.json.decode(line) for line in lines[:-1]]
    same = ("position", "user_id", "action", "resource", "resource_id", "resource_version", "timestamp", "source_ip", "request_id", "command_id",
            "correlation_id", "causation_id", "details")
    assert [[row[name] for name in same] for row in reversed(listed)] == [[row[name] for name in same] for row in exported]


async def test_filters_times_and_positions_are_those_of_the_list(admin):
    await version(admin)
    answer = await admin.get(EXPORT, params={"resource": "version", "from": "3", "to": "2100-01-01T00:00:00Z"})
    lines = answer.content.splitlines(keepends=True)
    assert verify(lines, [SIGNER.public]).bad is None
    shown = [row for line in lines[:-1] if "event" in (row := msgspec.json.decode(line))]
    assert [row["resource"] for row in shown] == ["version"]
    closing = msgspec.json.decode(lines[-1])
    assert (closing["from"], closing["filter"]) == (3, {"resource": "version"})


async def test_a_table_names_people(admin):
    await version(admin)
    answer = await admin.get(EXPORT, params={"format": "csv", "action": "version.created"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    [row] = csv.DictReader(io.StringIO(answer.text))
    assert (row["action"], row["username"]) == ("version.created", "admin@example.com")


@pytest.mark.parametrize("query", ["format=xml", "from=99999", "from=5&to=2", "from=yesterday", "from=2026-01-01T00:00:00"])
async def test_what_cannot_be_is_refused_in_the_usual_shape(admin, query):
    answer = await admin.get(f"{EXPORT}?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID_REQUEST")
    assert Making.under_way == 0


async def test_who_may_not_read_the_audit_may_not_take_it_away(rig):
    async with rig.client("viewer") as viewer:
        assert (await viewer.get(EXPORT)).status_code == 403
    async with rig.client("") as stranger:
        assert (await stranger.get(EXPORT)).status_code == 401


async def test_without_the_database_the_answer_is_an_error_and_no_half_file(rig, admin, database, databases):
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    with psycopg.connect(databases.admin, autocommit=True) as server:
        server.execute(f"alter database {name} allow_connections false")
        try:
            answer = await admin.get(EXPORT)
        finally:
            server.execute(f"alter database {name} allow_connections true")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")


async def test_when_the_receiver_goes_away_the_connection_is_given_back(rig, database):
    with psycopg.connect(database, autocommit=True) as conn:
        grow(conn, 20_000)

        def exporting() -> int:
            return conn.execute("select count(*) from pg_stat_activity where application_name = 'tiangong audit export' "
                                "and datname = current_database()").fetchone()[0]

        headers = {"Authorization": f"Bearer {rig.tokens['admin']}"}
        async with served(rig) as url, httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client:
            async with client.stream("GET", EXPORT) as answer:
                await anext(answer.aiter_bytes())
                assert exporting() == 1
            await until(lambda: exporting() == 0)
            await until(lambda: Making.under_way == 0)
            whole = (await client.get(EXPORT)).content
        assert verify(whole.splitlines(keepends=True), [SIGNER.public]).bad is None
        assert whole.count(b"\n") > 20_000


async def test_only_some_are_made_at_once(rig, database):
    with psycopg.connect(database, autocommit=True) as conn:
        grow(conn, 20_000)
    headers = {"Authorization": f"Bearer {rig.tokens['admin']}"}
    async with served(rig) as url, httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client:
        answers = [await client.send(client.build_request("GET", EXPORT), stream=True) for _ in range(MOST + 1)]
        assert [answer.status_code for answer in answers] == [200] * MOST + [503]
        assert (await client.get(f"{V1}/me")).status_code == 200, "others are not kept waiting"
        for answer in answers:
            await answer.aclose()
        await until(lambda: Making.under_way == 0)


async def test_a_server_that_ends_cuts_the_file_off_so_that_it_is_seen(rig, database):
    with psycopg.connect(database, autocommit=True) as conn:
        grow(conn, 20_000)
    headers = {"Authorization": f"Bearer {rig.tokens['admin']}"}
    async with (served(rig) as url, httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client,
                client.stream("GET", EXPORT, params={"format": "csv"}) as answer):
        pieces = answer.aiter_bytes()
        await anext(pieces)
        rig.services.stopping.set()
        with pytest.raises(httpx.RemoteProtocolError):
            async for _ in pieces:
                pass


def grow(conn: psycopg.Connection, events: int) -> None:
    """Facts that nobody can read, in one batch."""
    conn.execute("""
        select log.append(array_agg('many_' || n), array_agg(1::bigint), array_agg('many.things'::text),
                          array_agg(convert_to(repeat('x', 500), 'UTF8')),
                          array_agg(1), array[gen_random_uuid()], '{q}', '{me}', array[gen_random_uuid()], array[null]::uuid[], '{""}', '{""}')
          from generate_series(1, %s) n""", (events,))
