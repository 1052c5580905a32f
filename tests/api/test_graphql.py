"""GraphQL: the same facts in camelCase, the same rules, errors with REST's codes, changes over WebSocket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.api.serving import served
from tests.api.story import V1, application, deployment, detail, task_of

WHOLE = """
query($id: ID!) { deployment(id: $id) {
  id versionId version applicationIds applications environmentIds environments status progress createdAt updatedAt duration requireConfirm
  grayscaleEnabled grayscaleRatio startedAt completedAt errorMessage waitingFor createdBy
  tasks { id deploymentId appId name type status blockBy dependsOn duration startedAt completedAt requireConfirm confirmedBy confirmedAt
          payload result logs { seq timestamp level message } }
  logs { taskId message } } }"""
LIST = """
query($status: DeploymentStatus, $after: String, $pageSize: Int!) {
  deployments(status: $status, after: $after, pageSize: $pageSize) { deployments { id status tasks { id type } } total page pageSize next } }"""
CHANGED = "subscription($id: ID!) { deploymentChanged(id: $id) { id status tasks { type status } } }"


async def ask(client, query: str, **variables: Any) -> dict[str, Any]:
    answer = await client.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def code_of(client, query: str, **variables: Any) -> str:
    """The code of the one error."""
    (error,) = (await ask(client, query, **variables))["errors"]
    return str(error["extensions"]["code"])


async def test_a_deployment_is_answered_in_camel_case_with_its_tasks_and_logs(admin, rig):
    made = await deployment(admin)
    deploy, check = (await detail(admin, made["id"]))["tasks"]
    log = await rig.logs.open(deploy["id"], 1)
    log.line("current is v1.0.0-1", "warn")
    await rig.logs.close(log)
    await rig.finish(deploy["id"])
    found = (await ask(admin, WHOLE, id=made["id"]))["data"]["deployment"]
    assert (found["versionId"], found["version"], found["applications"]) == (made["version_id"], "v1.0.0", ["api-service"])
    assert (found["environmentIds"], found["environments"]) == ([made["environment_id"]], ["production"])
    assert (found["status"], found["progress"], found["requireConfirm"], found["grayscaleEnabled"]) == ("running", 50, False, False)
    assert found["createdAt"] == made["created_at"]
    first, second = found["tasks"]
    assert (first["type"], first["status"], first["appId"], first["deploymentId"]) == ("deploy", "success", made["application_ids"][0], made["id"])
    assert (second["id"], second["blockBy"], second["dependsOn"]) == (check["id"], deploy["id"], [deploy["id"]])
    assert [(line["seq"], line["level"], line["message"]) for line in first["logs"]] == [(1, "warn", "current is v1.0.0-1")]
    assert found["logs"] == [{"taskId": deploy["id"], "message": "current is v1.0.0-1"}]


async def test_graphql_knows_the_exact_states(admin):
    apps = [await application(admin)]
    one = await deployment(admin, application_ids=apps)
    await admin.post(f"{V1}/deployments/{one['id']}/cancel", json={})
    two = await deployment(admin, application_ids=apps, version_id=one["version_id"], environment_id=one["environment_id"], manual_approval=True)
    found = (await ask(admin, LIST, pageSize=10))["data"]["deployments"]
    assert [(row["id"], row["status"]) for row in found["deployments"]] == [(two["id"], "waiting_confirm"), (one["id"], "cancelled")]
    assert [len(row["tasks"]) for row in found["deployments"]] == [2, 2]
    assert (await ask(admin, LIST, pageSize=10, status="running"))["data"]["deployments"]["total"] == 0
    page = (await ask(admin, LIST, pageSize=1))["data"]["deployments"]
    rest = (await ask(admin, LIST, pageSize=1, after=page["next"]))["data"]["deployments"]
    assert [row["id"] for row in rest["deployments"]] == [one["id"]]


async def test_errors_have_the_codes_of_rest(admin):
    assert await code_of(admin, WHOLE, id="dep_nobody") == "RESOURCE_NOT_FOUND"
    assert await code_of(admin, WHOLE, id="dep_\u0000") == "RESOURCE_NOT_FOUND"
    assert await code_of(admin, LIST, pageSize=1000) == "INVALID_REQUEST"
    assert await code_of(admin, LIST, pageSize=1, after="x") == "INVALID_REQUEST"
    assert await code_of(admin, "{ deployments { nothing } }") == "INVALID_REQUEST"
    assert await code_of(admin, "{ deployments ") == "INVALID_REQUEST"


async def test_a_question_is_limited_in_depth_and_size(admin):
    deep = "{ __schema { types { fields { type { ofType { ofType { name } } } } } } }"
    assert "errors" not in await ask(admin, deep), "introspection is for everybody who is signed in"
    assert await code_of(admin, "{ " + " ".join(f"a{n}: deployments {{ total }}" for n in range(40)) + " }") == "INVALID_REQUEST"
    assert await code_of(admin, "{ deployments { " + "total " * 3000 + "} }") == "INVALID_REQUEST"


async def test_what_is_no_question_is_refused_in_the_error_format(admin):
    for content in (b"", b"{", b"[]", b"{}", b'{"query": 1}'):
        answer = await admin.post("/graphql", content=content, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID_REQUEST"), content
    assert (await admin.get("/graphql", params={"query": "{ __typename }"})).status_code == 400


async def test_a_question_sees_what_its_asker_has_written(admin):
    made = await admin.post(f"{V1}/environments", json={"name": "x", "type": "memory", "config": {}})
    seen = {"X-Min-Position": made.headers["X-Log-Position"]}
    assert (await admin.post("/graphql", json={"query": "{ __typename }"}, headers=seen)).json() == {"data": {"__typename": "Query"}}
    assert (await admin.post("/graphql", json={"query": "{ __typename }"}, headers={"X-Min-Position": "soon"})).status_code == 400


async def test_a_stranger_gets_401(rig):
    async with rig.client("") as stranger:
        answer = await stranger.post("/graphql", json={"query": "{ __typename }"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHORIZED")


@asynccontextmanager
async def socket(url: str, payload: dict[str, Any] | None, **headers: str) -> AsyncIterator[ClientConnection]:
    address = url.replace("http://", "ws://") + "/graphql"
    async with connect(address, subprotocols=["graphql-transport-ws"], additional_headers=headers) as ws:  # type: ignore[list-item]
        await ws.send(json.dumps({"type": "connection_init"} | ({"payload": payload} if payload is not None else {})))
        yield ws


async def hear(ws: ClientConnection) -> dict[str, Any]:
    return dict(json.loads(await asyncio.wait_for(ws.recv(), 10)))


async def test_changes_are_pushed_over_a_websocket(rig, admin):
    id = (await deployment(admin))["id"]
    task = await task_of(admin, id, "deploy")
    token = rig.tokens["viewer"]
    async with served(rig) as url:
        for payload, headers in (({"token": token}, {}), ({"Authorization": f"Bearer {token}"}, {}), (None, {"Authorization": f"Bearer {token}"})):
            async with socket(url, payload, **headers) as ws:
                assert (await hear(ws))["type"] == "connection_ack"
                await ws.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": CHANGED, "variables": {"id": id}}}))
                first = await hear(ws)
                assert first["payload"]["data"]["deploymentChanged"]["status"] == "running"
        async with socket(url, {"token": token}) as ws:
            await hear(ws)
            await ws.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": CHANGED, "variables": {"id": id}}}))
            assert (await hear(ws))["payload"]["data"]["deploymentChanged"]["tasks"][0]["status"] == "pending"
            await rig.begin(task["id"])
            assert (await hear(ws))["payload"]["data"]["deploymentChanged"]["tasks"][0] == {"type": "deploy", "status": "running"}


async def test_a_strangers_websocket_is_closed(rig):
    async with served(rig) as url:
        for payload in (None, {}, {"token": "nobody"}, {"token": 7}, {"Authorization": None}):
            async with socket(url, payload) as ws:
                with pytest.raises(ConnectionClosed) as closed:
                    await hear(ws)
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 4403, payload


async def test_a_subscription_to_nothing_is_told(rig):
    async with served(rig) as url, socket(url, {"token": rig.tokens["viewer"]}) as ws:
        await hear(ws)
        await ws.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": CHANGED, "variables": {"id": "dep_nobody"}}}))
        told = await hear(ws)
        errors = told["payload"] if told["type"] == "error" else told["payload"]["errors"]
        assert errors[0]["extensions"]["code"] == "RESOURCE_NOT_FOUND"


async def test_a_body_that_is_no_json_object_is_refused(admin):
    for body in (b"", b"null", b'"x"', b"1e999", b"7", b"\xff", b"{", b"[" * 100_000, b'{"a":' * 5000 + b"1" + b"}" * 5000, b"9" * 5000):
        answer = await admin.post("/graphql", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID_REQUEST"), body[:20]
