"""What operators ask, and what the server says when something is away."""

import asyncio
import json
import logging

import psycopg
import pytest

from api.errors import Problem
from api.operations import LONGEST_LAG, is_loopback
from api.rest.route import see_at_least
from tests.api.house import open_rig
from tests.api.story import V1


async def test_a_living_server_says_so_to_everybody(rig):
    async with rig.client("") as stranger:
        assert (await stranger.get("/healthz")).json() == {"status": "ok"}
        ready = await stranger.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["trouble"] == {}
        assert ready.json()["lag"] == 0
        assert {"quarantined", "process_failures", "position"} <= set(ready.json())


async def test_a_server_that_is_behind_is_not_ready(rig, database):
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("insert into views.quarantine values ('tasks', 1, 's', 't', 'e', now())")
        conn.execute("update log.stored_events_head set position = position + %s", (LONGEST_LAG + 1,))
    async with rig.client("") as stranger:
        answer = await stranger.get("/readyz")
        assert (answer.status_code, answer.json()["quarantined"]) == (503, 1)
        assert "events behind" in answer.json()["trouble"]["projections"]


async def test_without_its_database_it_lives_says_what_is_wrong_and_asks_to_try_again(rig, admin):
    await rig.services.pool.close()
    async with rig.client("") as stranger:
        assert (await stranger.get("/healthz")).status_code == 200
        answer = await stranger.get("/readyz")
        assert (answer.status_code, list(answer.json()["trouble"])) == (503, ["database"])
    answer = await admin.get(f"{V1}/versions")
    assert (answer.status_code, answer.json()["error"]["code"], answer.headers["Retry-After"]) == (503, "SERVICE_UNAVAILABLE", "1")


async def test_a_database_that_does_not_answer_is_told_in_time(rig, database):
    with psycopg.connect(database) as conn:
        conn.execute("lock table views.positions")
        async with rig.client("") as stranger, asyncio.timeout(10):
            answer = await stranger.get("/readyz")
        assert (answer.status_code, answer.json()["trouble"]["database"]) == (503, "does not answer within 3 s")


async def test_metrics_are_for_this_machine_unless_there_is_a_token(rig, database, tmp_path):
    async with rig.client("") as here, rig.client("", address=("10.0.0.9", 1)) as elsewhere:
        await here.get(f"{V1}/nobody-made-this-path")
        text = (await here.get("/metrics")).text
        assert "tiangong_http_answers_total" in text
        assert "nobody-made" not in text
        assert (await elsewhere.get("/metrics")).status_code == 403
        assert (await here.get("/metrics", headers={"X-Forwarded-For": "10.0.0.9"})).status_code == 403


async def test_metrics_with_a_token_are_for_who_sends_it(database, tmp_path):
    async with open_rig(database, tmp_path, metrics_token="figures") as rig, rig.client("", address=("10.0.0.9", 1)) as elsewhere:
        assert (await elsewhere.get("/metrics")).status_code == 401
        assert (await elsewhere.get("/metrics", headers={"Authorization": "Bearer figure"})).status_code == 401
        assert (await elsewhere.get("/metrics", headers={"Authorization": "Bearer figures"})).status_code == 200


async def test_what_nobody_foresaw_is_told_without_its_inside(rig, admin, caplog):
    async def breaks() -> None:
        raise RuntimeError("the password is 1234")

    rig.app.add_api_route("/breaks", breaks)
    with caplog.at_level(logging.CRITICAL):
        answer = await admin.get("/breaks", headers={"X-Request-Id": "r-1"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "INTERNAL_ERROR")
    assert answer.json()["error"]["details"] == {"request_id": "r-1"}
    assert "1234" not in answer.text


async def test_a_read_sees_what_its_caller_has_written_or_says_that_it_cannot(rig, admin):
    made = await admin.post(f"{V1}/environments", json={"name": "x", "type": "memory", "config": {}})
    seen = {"X-Min-Position": made.headers["X-Log-Position"]}
    assert (await admin.get(f"{V1}/environments/{made.json()['id']}", headers=seen)).status_code == 200
    with pytest.raises(Problem) as late:
        await see_at_least(rig.services, str(10**9), patience=0.05)
    assert (late.value.status_code, late.value.headers) == (503, {"Retry-After": "1"})


async def test_an_update_of_something_stale_is_refused(admin):
    made = await admin.post(f"{V1}/environments", json={"name": "x", "type": "memory", "config": {}})
    path, etag = f"{V1}/environments/{made.json()['id']}", made.headers["ETag"]
    assert etag == '"1"'
    fresh = await admin.put(path, json={"is_active": False}, headers={"If-Match": etag})
    assert (fresh.status_code, fresh.headers["ETag"], fresh.json()["is_active"]) == (200, '"2"', False)
    stale = await admin.put(path, json={"is_active": True}, headers={"If-Match": etag})
    assert (stale.status_code, stale.json()["error"]["details"]["etag"]) == (409, '"2"')
    assert (await admin.get(path)).headers["ETag"] == '"2"'


async def test_the_schema_of_the_api_can_be_read(admin):
    text = (await admin.get("/openapi.json")).text
    assert "422" not in text
    paths = json.loads(text)["paths"]
    assert paths["/api/v1/versions"]["post"]["security"]
    assert {"/api/v1/versions", "/api/v1/deployments/{id}/confirm", "/api/v1/webhooks/github", "/healthz"} <= set(paths)
    assert (await admin.get("/docs")).status_code == 200


@pytest.mark.parametrize(("address", "here"), [("127.0.0.1", True), ("::1", True), ("10.0.0.1", False), ("", False), ("unix", False)])
def test_loopback_is_told_from_elsewhere(address, here):
    assert is_loopback(address) is here
