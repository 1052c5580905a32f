"""Whatever is sent: an answer in our error format that names the field, never a 422 and never a 5xx."""

import pytest

from tests.api.story import REPOSITORY, V1, deployment, environment

GOOD = {"git_tag": "v1.0.0", "git_commit": "abc123def456", "repository": REPOSITORY}
BAD_FIELDS = [
    ({"git_tag": "-x"}, "git_tag"), ({"git_tag": "a b"}, "git_tag"), ({"git_tag": ""}, "git_tag"), ({"git_tag": "v1\n"}, "git_tag"),
    ({"git_tag": 1}, "git_tag"), ({"git_tag": None}, "git_tag"), ({"git_tag": "x" * 300}, "git_tag"), ({"git_tag": "a..b"}, "git_tag"),
    ({"git_commit": "main"}, "git_commit"), ({"git_commit": "abc"}, "git_commit"), ({"git_commit": "--upload-pack=x"}, "git_commit"),
    ({"repository": "/etc"}, "repository"), ({"repository": "ext::sh -c id"}, "repository"), ({"repository": "-oProxyCommand=x:y/z"}, "repository"),
    ({"repository": "https://user:secret@host/x"}, "repository"), ({"repository": "https://h/" + "x" * 2000}, "repository"),
    ({"description": "x" * 10_001}, "description"), ({"description": "a\u0007b"}, "description"), ({"colour": "red"}, "colour"),
]


async def test_a_bad_field_is_named(admin):
    for change, field in BAD_FIELDS:
        answer = await admin.post(f"{V1}/versions", json=GOOD | change)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["details"]["field"]) == (400, "INVALID_REQUEST", field), change
        assert "secret" not in answer.text


BODIES = [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"git_tag":"\\ud800"}', b'{"git_tag":"\\u0000"}', b"[" * 100_000,
          b'{"a":' * 5000 + b"1" + b"}" * 5000, b"git_tag=v1.0.0", b'{"description":1e999}', b'{"description":NaN}',
          b'{"x":123456789012345678901234567890}']


@pytest.mark.parametrize("type", ["application/json", "text/plain", ""])
async def test_what_is_no_acceptable_json_is_refused(admin, type):
    for body in BODIES:
        answer = await admin.post(f"{V1}/versions", content=body, headers={"Content-Type": type} if type else {})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID_REQUEST"), body[:20]


async def test_all_bad_fields_are_told_at_once(admin):
    answer = await admin.post(f"{V1}/versions", json={"git_tag": "-x", "extra": 1})
    assert {error["field"] for error in answer.json()["error"]["details"]["errors"]} == {"git_tag", "git_commit", "repository", "extra"}


async def test_camel_case_is_understood_and_snake_case_is_answered(admin):
    camel = {"gitTag": "v1.0.0", "gitCommit": "abc123def456", "repository": REPOSITORY}
    answer = await admin.post(f"{V1}/versions", json=camel)
    assert answer.status_code == 201
    assert answer.json()["git_tag"] == "v1.0.0"
    assert (await admin.get(f"{V1}/versions?pageSize=1")).json()["page_size"] == 1


QUERIES = [
    "/versions?page=0", "/versions?page=x", "/versions?page_size=101", "/versions?page=600&page_size=100", "/versions?after=x",
    "/versions?after=%00", "/versions?repository=a%00b", "/deployments?status=sleeping", "/tasks?type=dance", "/environments?is_active=perhaps",
    "/audit-logs?from=yesterday", "/audit-logs?to=99999999999999999999",
]
IDS = ["ver_nope", "nope", "%00", "ver_%00", "'; drop table x; --", "x" * 5000, "%ff", "name_1", "ver_1/../ver_2", "dep_%00", "task_%00"]


async def test_a_bad_query_is_refused(admin):
    for path in QUERIES:
        answer = await admin.get(V1 + path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID_REQUEST"), (path, answer.text)


@pytest.mark.parametrize("path", ["versions", "applications", "environments", "deployments", "tasks", "changes"])
async def test_an_id_that_nobody_has_is_not_found(admin, path):
    for id in IDS:
        answer = await admin.get(f"{V1}/{path}/{id}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "RESOURCE_NOT_FOUND"), (id, answer.text)


@pytest.mark.parametrize("path", ["deployments/{}/execute", "deployments/{}/cancel", "deployments/{}/rollback", "tasks/{}/retry", "tasks/{}/cancel"])
async def test_a_verb_on_nothing_is_not_found(admin, path):
    for id in IDS:
        answer = await admin.post(f"{V1}/{path.format(id)}", json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "RESOURCE_NOT_FOUND"), (id, answer.text)


async def test_a_deployment_of_what_does_not_exist_is_not_found(admin):
    body = {"version_id": "ver_1", "application_ids": ["app_1"], "environment_id": "env_1"}
    assert (await admin.post(f"{V1}/deployments", json=body)).status_code == 404
    for lists in ([], ["app_1", "app_1"], ["x"] * 101):
        answer = await admin.post(f"{V1}/deployments", json=body | {"application_ids": lists})
        assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, "application_ids")


async def test_settings_that_do_not_exist_are_refused_by_name(admin):
    answer = await admin.post(f"{V1}/environments", json={"name": "x", "type": "memory", "config": {"colour": "red"}})
    assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, "config.colour")
    answer = await admin.post(f"{V1}/environments", json={"name": "x", "type": "moon", "config": {}})
    assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, "type")


CYCLE = [{"id": "a", "name": "a", "type": "custom", "block_by": "b"}, {"id": "b", "name": "b", "type": "custom", "block_by": "a"}]
CUSTOM = {"id": "a", "name": "a", "type": "custom"}
WORKFLOWS = [
    (CYCLE, 409), ([CUSTOM | {"block_by": "a"}], 409), ([CUSTOM | {"depends_on": ["z"]}], 409), ([], 400), ([CUSTOM | {"type": "dance"}], 400),
    ([{"id": "a", "type": "custom"}], 400), ([CUSTOM | {"block_by": "b", "depends_on": ["c"]}], 400), ([CUSTOM, CUSTOM], 400),
]


async def test_an_unsound_workflow_is_refused(admin):
    id = (await deployment(admin, auto_start=False))["id"]
    for tasks, status in WORKFLOWS:
        answer = await admin.put(f"{V1}/deployments/{id}/workflow", json={"tasks": tasks})
        assert answer.status_code == status, (tasks, answer.text)


async def test_unknown_paths_and_wrong_methods_are_told_in_the_error_format(admin):
    nothing = await admin.get("/api/v1/nothing")
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (404, "RESOURCE_NOT_FOUND")
    wrong = await admin.patch(f"{V1}/versions")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "METHOD_NOT_ALLOWED")


async def test_bad_headers_are_refused(admin):
    env = await environment(admin)
    for name in ("X-Min-Position", "If-Match"):
        answer = await admin.put(f"{V1}/environments/{env}", json={}, headers={name: "yesterday"})
        assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, name)
    answer = await admin.post(f"{V1}/versions", json=GOOD, headers={"Idempotency-Key": "x" * 201})
    assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, "Idempotency-Key")
