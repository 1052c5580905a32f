"""`at` over REST: an environment, a deployment and a change as they were, word for word, and what is said where that cannot be told."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from projections.engine.positions import Positions
from tests.api.story import V1, application, created, deployment, detail, environment, task_of, version


async def position(client) -> int:
    """Of the newest fact that anybody sees."""
    return int((await client.get(f"{V1}/audit-logs?page_size=1")).json()["audit_logs"][0]["position"])


async def seen(client, path: str, **asked):
    answer = await client.get(f"{V1}/{path}", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refused(client, path: str, at: object) -> tuple[int, str, str]:
    answer = await client.get(f"{V1}/{path}", params={"at": at})
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["details"].get("reason", error["message"])


async def deployed(rig, client, **more) -> str:
    id = (await deployment(client, **more))["id"]
    await finished(rig, client, id)
    return str(id)


async def finished(rig, client, id: str) -> None:
    for type in ("deploy", "health_check"):
        await rig.finish((await task_of(client, id, type))["id"])


async def test_each_moment_of_a_deployment_is_answered_as_it_was_answered_then(rig, admin):
    env, moments = await environment(admin), []
    made = await deployment(admin, environment_id=env)
    paths = [f"environments/{env}", f"deployments/{made['id']}"]

    async def keep() -> None:
        moments.append((await position(admin), [await seen(admin, path) for path in paths]))

    await keep()
    for task in (await detail(admin, made["id"]))["tasks"]:
        await rig.finish(task["id"])
        await keep()
    assert [(bodies[1]["status"], len(bodies[0]["installed"])) for _, bodies in moments] == [("running", 0), ("running", 0), ("success", 1)]
    for at, (place, deployed) in moments:
        assert await seen(admin, paths[0], at=at) == place
        then = await seen(admin, paths[1], at=at)
        assert then == {**deployed, "tasks": [{key: value for key, value in task.items() if key != "logs"} for task in deployed["tasks"]]}


async def test_what_ran_where_who_wanted_it_and_who_approved_it(rig, admin):
    env, app = await environment(admin), await application(admin)
    first = await deployed(rig, admin, environment_id=env, application_ids=[app], version_id=await version(admin, "v1.0.0"))
    before = await position(admin)
    payload = {"version_id": await version(admin, "v2.0.0"), "application_ids": [app], "environment_id": env}
    change = (await created(admin, "changes", {"title": "v2 to production", "type": "deployment", "payload": payload}))["id"]
    drafted = await position(admin)
    await admin.post(f"{V1}/changes/{change}/submit", json={})
    async with rig.client("approver") as approver:
        assert (await approver.post(f"{V1}/changes/{change}/approve", json={"comment": "go"})).status_code == 200
    approved = await position(admin)
    second = (await admin.post(f"{V1}/changes/{change}/execute", json={})).json()["deployment_id"]
    await finished(rig, admin, second)

    [then], [now] = (await seen(admin, f"environments/{env}", at=before))["installed"], (await seen(admin, f"environments/{env}"))["installed"]
    assert (then["application"], then["deployment_id"], then["git_tag"], then["created_by"], then["approved_by"]) == (
        "api-service", first, "v1.0.0", "admin@example.com", None)
    assert (now["deployment_id"], now["git_tag"], now["change_id"], now["approved_by"]) == (second, "v2.0.0", change, "approver@example.com")
    assert (await seen(admin, f"environments/{env}", at=await position(admin)))["installed"] == [now]
    assert [(await seen(admin, f"changes/{change}", at=at))["approved_by"] for at in (drafted, approved)] == [None, "approver@example.com"]
    assert (await seen(admin, f"deployments/{second}", at=await position(admin)))["approved_at"] == now["approved_at"]
    assert (await refused(admin, f"deployments/{second}", approved))[:2] == (404, "RESOURCE_NOT_FOUND")


async def test_a_time_means_what_the_log_had_recorded_by_then(rig, admin, database):
    env = await environment(admin, name="one")
    await admin.put(f"{V1}/environments/{env}", json={"name": "two"})
    await admin.put(f"{V1}/environments/{env}", json={"name": "three"})
    with psycopg.connect(database) as conn:
        times = [time for (time,) in conn.execute("""
            select c.recorded_at from log.stored_events e join log.stored_events_commands c
                on e.notification_id between c.first_position and c.first_position + c.events - 1
             where e.originator_id = %s order by e.notification_id""", (env,))]
    between = [*times, times[0] + (times[1] - times[0]) / 2, times[2] + (datetime.now(UTC) - times[2]) / 2]
    names = [(await seen(admin, f"environments/{env}", at=time.isoformat()))["name"] for time in between]
    assert names == ["one", "two", "three", "one", "three"]
    elsewhere = times[1].astimezone(tz=None).isoformat(timespec="microseconds")
    assert (await seen(admin, f"environments/{env}", at=elsewhere))["name"] == "two"
    assert (await refused(admin, f"environments/{env}", (times[0] - timedelta(microseconds=1)).isoformat()))[:2] == (404, "RESOURCE_NOT_FOUND")
    assert (await refused(admin, f"environments/{env}", "1970-01-01T00:00:00Z"))[:2] == (404, "RESOURCE_NOT_FOUND")


async def test_the_answer_says_which_position_it_shows_and_which_version_it_was(rig, admin):
    made = await admin.post(f"{V1}/environments", json={"name": "one", "type": "memory", "config": {}})
    path = f"{V1}/environments/{made.json()['id']}"
    then = int(made.headers["X-Log-Position"])
    other = await admin.put(path, json={"name": "two"})
    answer = await admin.get(path, params={"at": then})
    assert (answer.headers["X-At-Position"], answer.headers["ETag"], answer.json()) == (str(then), '"1"', made.json())
    assert (await admin.get(path)).headers["ETag"] == other.headers["ETag"] == '"2"'
    assert "X-At-Position" not in (await admin.get(path)).headers
    stale = await admin.put(path, json={"name": "three"}, headers={"If-Match": answer.headers["ETag"]})
    assert stale.status_code == 409, "who has seen the past has not seen the present"


async def test_secrets_are_masked_in_the_past_too(rig, admin):
    config = {"hosts": ["192.0.2.1"], "ssh_user": "deploy", "ssh_key": "-----BEGIN KEY-----", "deploy_path": "/srv"}
    made = await admin.post(f"{V1}/environments", json={"name": "hosts", "type": "physical", "config": config})
    assert made.status_code == 201, made.text
    path = f"environments/{made.json()['id']}"
    await admin.put(f"{V1}/{path}", json={"config": {"hosts": ["192.0.2.2"], "ssh_user": "deploy", "ssh_key": "another", "deploy_path": "/srv"}})
    then = await seen(admin, path, at=made.headers["X-Log-Position"])
    assert (then["config"]["hosts"], then["config"]["ssh_key"]) == (["192.0.2.1"], "********")


async def test_who_is_forgotten_is_forgotten_in_the_past_too(rig, admin):
    async with rig.client("developer") as developer:
        id = (await deployment(admin))["id"]
        mine = (await created(developer, "deployments", {**{key: (await detail(admin, id))[key] for key in (
            "version_id", "application_ids", "environment_id")}, "auto_start": False}))["id"]
    at = await position(admin)
    assert (await seen(admin, f"deployments/{mine}", at=at))["created_by"] == "developer@example.com"
    [user] = [row["id"] for row in (await seen(admin, "users"))["users"] if row["username"] == "developer-1"]
    answer = await admin.post(f"{V1}/users/{user}/forget", json={})
    assert answer.status_code == 200, answer.text
    then = (await seen(admin, f"deployments/{mine}", at=at))["created_by"]
    assert then == (await seen(admin, f"deployments/{mine}"))["created_by"]
    assert "developer" not in then


async def test_what_is_deleted_can_be_seen_as_it_was(rig, admin):
    env = await environment(admin)
    there = await position(admin)
    shown = await seen(admin, f"environments/{env}")
    gone = int((await admin.delete(f"{V1}/environments/{env}")).headers["X-Log-Position"])
    assert await seen(admin, f"environments/{env}", at=there) == await seen(admin, f"environments/{env}", at=gone - 2) == shown
    assert await refused(admin, f"environments/{env}", gone) == (
        404, "RESOURCE_NOT_FOUND", f"there was no environment {env} at position {gone}")


@pytest.mark.parametrize("at", ["-1", "yesterday", "2026-01-31", "2026-01-31T14:03:00", "14:03", "1e3", "1.5", "0x10", "١٢", "9" * 19, "{}"])
async def test_an_instant_that_means_nothing_is_refused(rig, admin, at):
    status, code, reason = await refused(admin, "environments/env_1", at)
    assert (status, code) == (400, "INVALID_REQUEST")
    assert "position" in reason


async def test_an_instant_that_has_not_come_is_refused(rig, admin):
    env, end = await environment(admin), await position(admin)
    assert await refused(admin, f"environments/{env}", end + 1) == (400, "INVALID_REQUEST", f"the log ends at position {end}")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert await refused(admin, f"environments/{env}", tomorrow) == (400, "INVALID_REQUEST", "that time has not come yet")
    assert (await refused(admin, f"environments/{env}", "9999-12-31T23:59:59-14:00"))[0] == 400
    assert (await refused(admin, f"environments/{env}", 0))[0] == 404


@pytest.mark.parametrize("path", ["environments/env_nobody", "deployments/dep_nobody", "changes/chg_nobody", "deployments/task_1", "changes/x"])
async def test_what_never_was_was_not_there_then(rig, admin, path):
    assert (await refused(admin, path, await position(admin)))[:2] == (404, "RESOURCE_NOT_FOUND")


async def test_a_past_that_must_be_younger_than_it_is_waits_for_the_read_models_as_ever(rig, admin):
    env = await environment(admin)
    answer = await admin.get(f"{V1}/environments/{env}", params={"at": 1}, headers={"X-Min-Position": "soon"})
    assert answer.status_code == 400
    answer = await admin.get(f"{V1}/environments/{env}", params={"at": await position(admin)}, headers={"X-Min-Position": "1"})
    assert answer.status_code == 200


async def test_read_models_that_are_behind_the_instant_are_waited_for_but_not_for_ever(rig, admin, database, monkeypatch):
    env, end = await environment(admin), await position(admin)
    monkeypatch.setattr("api.past.PATIENCE", 0.05)
    rig.app.state.services = replace(rig.services, positions=Positions(database))  # it is not opened: it knows of nothing
    answer = await admin.get(f"{V1}/environments/{env}", params={"at": end})
    assert (answer.status_code, answer.json()["error"]["code"], answer.headers["Retry-After"]) == (503, "SERVICE_UNAVAILABLE", "1")


async def test_who_may_not_read_may_not_read_the_past(rig, admin):
    env = await environment(admin)
    async with rig.client("") as stranger:
        assert (await stranger.get(f"{V1}/environments/{env}", params={"at": 1})).status_code == 401
    async with rig.client("viewer") as viewer:
        assert (await viewer.get(f"{V1}/environments/{env}", params={"at": await position(admin)})).status_code == 200


async def test_many_look_at_different_moments_at_once_and_nobody_sees_anothers(rig, admin):
    env = (await created(admin, "environments", {"name": "n0", "type": "memory", "config": {}}))["id"]
    first = await position(admin)
    names = {first: "n0"}
    for n in range(1, 12):
        names[int((await admin.put(f"{V1}/environments/{env}", json={"name": f"n{n}"})).headers["X-Log-Position"])] = f"n{n}"

    async def look(reader: int) -> None:
        for n in range(8):
            at = list(names)[(reader * 5 + n * 7) % len(names)]
            assert (await seen(admin, f"environments/{env}", at=at))["name"] == names[at]

    await asyncio.gather(*(look(reader) for reader in range(10)))


async def test_the_past_leaves_nothing_behind(rig, admin, database):
    id = await deployed(rig, admin)
    end = await position(admin)
    now = await seen(admin, f"deployments/{id}")
    for at in range(end - 12, end + 1):
        await admin.get(f"{V1}/deployments/{id}", params={"at": at})
    assert (await position(admin), await seen(admin, f"deployments/{id}")) == (end, now)
    with psycopg.connect(database) as conn:
        open_ = conn.execute("select count(*) from pg_stat_activity where application_name = 'tiangong time travel' and state like 'idle in%'")
        assert open_.fetchone() == (0,)


async def test_the_description_tells_of_it(rig, admin):
    paths = (await admin.get("/openapi.json")).json()["paths"]
    for thing in ("environments", "deployments", "changes"):
        operation = paths[f"/api/v1/{thing}/{{id}}"]["get"]
        [at] = [parameter for parameter in operation["parameters"] if parameter["name"] == "at"]
        assert "a time with its zone" in at["description"]
        assert "X-At-Position" in operation["responses"]["200"]["headers"]
