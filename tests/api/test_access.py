"""Who may do what, at the door: 401 for strangers, 403 for those who may not, and the same rules for REST and GraphQL."""

import ast
import inspect
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from api.rest import ROUTERS, S3_ROUTERS
from api.rest.route import Route
from tests.api.story import REPOSITORY, V1, deployment, environment

VERSION = {"git_tag": "v1.0.0", "git_commit": "abc123def456", "repository": REPOSITORY}


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer nobody", "Basic YTpi", "Bearer " + "x" * 5000, "bearer\ttab"])
async def test_a_stranger_gets_401(rig, header):
    async with rig.client("") as stranger:
        for method, path in (("GET", "/versions"), ("POST", "/versions"), ("DELETE", "/versions/ver_1"), ("GET", "/deployments/dep_1/events")):
            answer = await stranger.request(method, V1 + path, headers={"Authorization": header} if header else {}, content=b"{")
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHORIZED")
            assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_every_rest_route_is_behind_a_token():
    routes = [route for router in (*ROUTERS, *S3_ROUTERS) for route in router.routes]
    assert len(routes) > 40
    assert [route for route in routes if isinstance(route, APIRoute) and not isinstance(route, Route)] == []


def test_no_route_decides_who_may_do_what():
    for path in (Path(inspect.getfile(Route)).parent).glob("*.py"):
        names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
        assert not names & {"require", "PERMISSIONS", "Actor"}, path


async def test_a_viewer_reads_and_does_not_write(rig, admin):
    id = (await admin.post(f"{V1}/versions", json=VERSION)).json()["id"]
    async with rig.client("viewer") as viewer:
        assert (await viewer.get(f"{V1}/versions/{id}")).status_code == 200
        for answer in (await viewer.post(f"{V1}/versions", json=VERSION), await viewer.delete(f"{V1}/versions/{id}"),
                       await viewer.get(f"{V1}/users"), await viewer.get(f"{V1}/audit-logs"), await viewer.post(f"{V1}/tokens", json={})):
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")
            assert answer.json()["error"]["details"]["action"]


async def test_a_revoked_token_is_worth_nothing_at_once(rig, admin):
    made = (await admin.post(f"{V1}/tokens", json={"name": "short", "days": 1})).json()
    headers = {"Authorization": f"Bearer {made['token']}"}
    assert (await admin.get(f"{V1}/me", headers=headers)).status_code == 200
    gone = await admin.delete(f"{V1}/tokens/{made['id']}")
    assert (gone.status_code, gone.json()) == (200, {"message": "Token revoked successfully"})
    assert (await admin.get(f"{V1}/me", headers=headers)).status_code == 401
    listed = (await admin.get(f"{V1}/tokens?user_id={made['user_id']}")).json()["tokens"]
    assert [token["name"] for token in listed if token["revoked_at"]] == ["short"]
    assert "token" not in listed[0]


async def test_users_are_made_with_roles_and_known_by_their_mail(admin):
    made = await admin.post(f"{V1}/users", json={"username": "ann", "email": "ann@example.com", "role_id": "developer"})
    assert (made.status_code, made.json()["roles"]) == (201, ["developer"])
    token = (await admin.post(f"{V1}/tokens", json={"user_id": made.json()["id"]})).json()["token"]
    version = await admin.post(f"{V1}/versions", json=VERSION, headers={"Authorization": f"Bearer {token}"})
    assert version.json()["created_by"] == "ann@example.com"
    twice = await admin.post(f"{V1}/users", json={"username": "ann"})
    assert (twice.status_code, twice.json()["error"]["code"]) == (409, "RESOURCE_CONFLICT")
    unknown = await admin.post(f"{V1}/users", json={"username": "bob", "roles": ["king"]})
    assert (unknown.status_code, unknown.json()["error"]["details"]["field"]) == (400, "roles")


async def test_a_change_is_decided_by_somebody_else(rig, admin):
    env = await environment(admin)
    first = await deployment(admin, environment_id=env, auto_start=False)
    payload = {"version_id": first["version_id"], "application_ids": first["application_ids"], "environment_id": env}
    async with rig.client("operator") as operator, rig.client("approver") as approver:
        made = await operator.post(f"{V1}/changes", json={"title": "v1 to production", "type": "deployment", "payload": payload})
        assert made.status_code == 201, made.text
        path = f"{V1}/changes/{made.json()['id']}"
        assert (await operator.post(f"{path}/submit", json={})).json()["status"] == "submitted"
        assert (await operator.post(f"{path}/approve", json={})).status_code == 409
        assert (await approver.post(f"{path}/approve", json={"comment": "fine"})).json()["status"] == "approved"
        done = await operator.post(f"{path}/execute", json={})
        assert done.json()["status"] == "executing"
        assert (await operator.get(f"{V1}/deployments/{done.json()['deployment_id']}")).json()["change_id"] == made.json()["id"]
        listed = await operator.get(f"{V1}/changes?status=executing&type=deployment")
        assert listed.json()["total"] == 1


async def test_a_request_is_known_by_its_id_and_where_it_came_from(rig, admin):
    async with rig.client(address=("10.1.2.3", 5555)) as far:
        headers = {"X-Request-Id": "build-77", "X-Forwarded-For": "6.6.6.6"}
        answer = await far.post(f"{V1}/versions", json=VERSION, headers=headers)
        assert answer.headers["X-Request-Id"] == "build-77"
    row = (await admin.get(f"{V1}/audit-logs?resource=version")).json()["audit_logs"][0]
    assert (row["request_id"], row["source_ip"], row["username"]) == ("build-77", "10.1.2.3", "admin@example.com")
    strange = await admin.get(f"{V1}/me", headers={"X-Request-Id": "<script>"})
    assert strange.headers["X-Request-Id"].startswith("req_")
