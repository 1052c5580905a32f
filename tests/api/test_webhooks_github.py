"""GitHub's webhooks: signed, repeated, malformed, and as S2 prints them."""

import asyncio
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from api.database import execute, first
from api.webhooks.payload import commit, repository, tag
from tests.api.house import SECRET, open_rig
from tests.api.printed_bodies import request, same
from tests.api.story import V1, version

HOOK = f"{V1}/webhooks/github"
PUSH, MERGE = request("s2_post_webhooks_github_push"), request("s2_post_webhooks_github_pull_request")


def signature(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.fixture
async def github(rig):
    async with rig.client("", address=("140.82.112.1", 443)) as client:
        yield client


async def deliver(github: httpx.AsyncClient, event: str, payload: Any, id: str = "", path: str = HOOK, **headers: Any) -> httpx.Response:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    known: dict[str, Any] = {"X-GitHub-Event": event, "X-Hub-Signature-256": signature(body), "Content-Type": "application/json"}
    known |= ({"X-GitHub-Delivery": id} if id else {}) | headers
    raw = [(key.encode(), value if isinstance(value, bytes) else value.encode()) for key, value in known.items()]
    return await github.post(path, content=body, headers=raw)


async def test_the_push_of_a_tag_makes_a_version_and_is_answered_as_printed(github, admin):
    answer = await deliver(github, "push", PUSH, "d-1")
    assert answer.status_code == 200, answer.text
    same("s2_post_webhooks_github_push", answer.json())
    made = (await admin.get(f"{V1}/versions/{answer.json()['version_id']}", headers={"X-Min-Position": answer.headers["X-Log-Position"]})).json()
    assert {key: made[key] for key in ("git_tag", "git_commit", "repository", "description", "created_by", "verified", "source")} == {
        "git_tag": "v1.0.0", "git_commit": "abc123def456", "repository": "https://github.com/org/repo.git", "description": "Release v1.0.0",
        "created_by": "system:github", "verified": False, "source": "github"}


async def test_a_merged_pull_request_makes_the_next_patch_version(github, admin):
    await version(admin, "v1.0.0")
    answer = await deliver(github, "pull_request", MERGE, "d-1")
    same("s2_post_webhooks_github_pull_request", answer.json())
    assert answer.json()["auto_tag"] == "v1.0.1"


async def test_a_repeated_delivery_is_answered_alike_and_makes_nothing(github, rig):
    one = await deliver(github, "push", PUSH, "d-1")
    head = await first(rig.services.pool, "select position from log.stored_events_head")
    two = await deliver(github, "push", PUSH, "d-1")
    assert (two.status_code, two.json()) == (200, one.json())
    many = await asyncio.gather(*(deliver(github, "push", PUSH, "d-1") for _ in range(5)))
    assert {answer.text for answer in many} == {one.text}
    assert await first(rig.services.pool, "select position from log.stored_events_head") == head


async def test_without_a_delivery_id_the_body_says_which_delivery_it_is(github):
    one, two = await deliver(github, "push", PUSH), await deliver(github, "push", PUSH)
    assert one.json() == two.json()
    assert one.json()["version_created"] is True


async def test_a_tag_that_is_known_is_linked_and_not_doubled(github, admin):
    id = await version(admin, "v1.0.0")
    answer = await deliver(github, "push", PUSH, "d-1")
    assert answer.json() == {"message": "Webhook received and processed", "version_created": False, "version_id": id}


IGNORED = [
    ("push", PUSH | {"ref": "refs/heads/main"}), ("push", PUSH | {"deleted": True}), ("create", {"ref": "v1.0.0", "ref_type": "tag"}),
    ("pull_request", MERGE | {"action": "opened"}), ("pull_request", MERGE | {"pull_request": {"merged": False}}),
    ("ping", {"zen": "Design for failure."}), ("workflow_run", {"action": "completed"}), ("star", {}),
]


async def test_what_makes_no_version_is_recorded_as_ignored(github, admin):
    for n, (event, payload) in enumerate(IGNORED):
        answer = await deliver(github, event, payload, f"d-{n}")
        assert (answer.status_code, answer.json()["version_created"]) == (200, False), event
    seen = {"X-Min-Position": answer.headers["X-Log-Position"]}
    listed = (await admin.get(f"{V1}/webhook-deliveries", headers=seen)).json()["webhook_deliveries"]
    assert [row["event"] for row in reversed(listed)] == [event for event, _ in IGNORED]
    assert {row["status"] for row in listed} == {"ignored"}
    assert (await admin.get(f"{V1}/webhook-deliveries/{listed[0]['id']}")).json()["error"]
    assert (await admin.get(f"{V1}/versions", headers=seen)).json()["total"] == 0


LACKING = [{}, {"ref": None}, {"ref": 7}, {"repository": None}, {"repository": {}}, {"repository": {"clone_url": None}}, {"repository": []},
           {"head_commit": None, "after": None}, {"head_commit": {"id": None}}, {"head_commit": "x"}, {"head_commit": {"id": "0" * 40}},
           {"ref": "refs/tags/"}, {"ref": "refs/tags/a b"}, {"ref": "refs/tags/-x"}, {"repository": {"clone_url": "ext::sh -c id"}},
           {"repository": {"clone_url": "https://u:p@h/x"}}, {"head_commit": {"id": "abc123def456", "message": None}},
           {"head_commit": {"id": "abc123def456", "message": "a\u0000b" * 10_000}}, {"repository": {"clone_url": "x" * 100_000}}]


async def test_a_real_payload_may_lack_or_null_anything(github):
    for n, change in enumerate(LACKING):
        for event, whole in (("push", PUSH), ("pull_request", MERGE)):
            for payload in (whole | change, change):
                answer = await deliver(github, event, payload, f"d-{n}-{event}-{len(payload)}")
                assert answer.status_code == 200, (event, change, answer.text)
    for n, request_ in enumerate(({"merged": True}, {"merged": True, "merge_commit_sha": None}, None, [], "x", {"merged": "yes"})):
        answer = await deliver(github, "pull_request", MERGE | {"pull_request": request_, "number": None}, f"m-{n}")
        assert (answer.status_code, answer.json()["version_created"]) == (200, False), request_


async def test_the_commit_of_an_annotated_tag_is_the_head_commits(github, admin):
    answer = await deliver(github, "push", PUSH | {"after": "f" * 40}, "d-1")
    light = await deliver(github, "push", PUSH | {"ref": "refs/tags/v2", "after": "F" * 40, "head_commit": None}, "d-2")
    seen = {"X-Min-Position": light.headers["X-Log-Position"]}
    commits = [(await admin.get(f"{V1}/versions/{a.json()['version_id']}", headers=seen)).json()["git_commit"] for a in (answer, light)]
    assert commits == ["abc123def456", "f" * 40]


async def test_a_wrong_signature_is_refused_and_only_that_is_kept(github, rig, admin):
    body = json.dumps(PUSH).encode()
    bad = ["", "sha256=", "sha256=" + "0" * 64, signature(body, "another secret"), signature(body).upper(), signature(body + b" "), "sha1=abc",
           "ü".encode("latin-1")]
    head = await first(rig.services.pool, "select position from log.stored_events_head")
    for given in bad:
        answer = await deliver(github, "push", b"not even JSON {", "d-1", **{"X-Hub-Signature-256": given})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHORIZED"), given
    assert await first(rig.services.pool, "select position from log.stored_events_head") == head
    kept = "select source_ip, provider, event, delivery_id, reason, bytes from ops.refused_webhooks order by number limit 1"
    row = await first(rig.services.pool, kept)
    assert row == ("140.82.112.1", "github", "push", "d-1", "no signature", 15)
    assert await first(rig.services.pool, "select count(*) from ops.refused_webhooks") == (len(bad),)
    assert 'tiangong_refused_webhooks_total{provider="github"} 8.0' in (await admin.get("/metrics")).text


async def test_refused_deliveries_are_kept_up_to_a_limit(github, rig):
    await execute(rig.services.pool, """
        insert into ops.refused_webhooks (source_ip, provider, event, delivery_id, reason, bytes)
        select '', 'github', '', '', '', 0 from generate_series(1, 10000)""")
    await deliver(github, "push", PUSH, "d-1", **{"X-Hub-Signature-256": "x"})
    assert await first(rig.services.pool, "select count(*), min(number) from ops.refused_webhooks") == (10_000, 2)


async def test_without_its_secret_the_hook_says_which_setting_is_missing(database, tmp_path):
    async with open_rig(database, tmp_path, github_webhook_secret=None) as rig, rig.client("") as client:
        answer = await deliver(client, "push", PUSH, "d-1")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
        assert "GITHUB_WEBHOOK_SECRET" in answer.json()["error"]["message"]


async def test_what_is_signed_and_no_json_is_refused(github):
    for body in (b"", b"{", b"[]", b"null", b"\xff", b"[" * 50_000):
        answer = await deliver(github, "push", body, "d-1")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID_REQUEST"), body[:10]
    answer = await deliver(github, "", PUSH, "d-1")
    assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, "X-GitHub-Event")


async def test_a_form_is_understood_as_well(github):
    body = urlencode({"payload": json.dumps(PUSH)}).encode()
    answer = await deliver(github, "push", body, "d-1", **{"Content-Type": "application/x-www-form-urlencoded"})
    assert (answer.status_code, answer.json()["version_created"]) == (200, True)
    assert (await deliver(github, "push", b"x=1", "d-2", **{"Content-Type": "application/x-www-form-urlencoded"})).status_code == 400


async def test_the_path_of_the_architecture_document_answers_too(github):
    answer = await deliver(github, "push", PUSH, "d-1", path="/api/webhooks/github")
    assert answer.json()["version_created"] is True


async def test_what_is_larger_than_github_sends_is_refused_before_the_signature(github, rig):
    answer = await deliver(github, "push", b"x" * (25 * 1024 * 1024 + 1), "d-1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert await first(rig.services.pool, "select reason from ops.refused_webhooks") == ("too large",)


async def test_a_large_payload_within_the_limit_is_taken(github):
    answer = await deliver(github, "push", PUSH | {"commits": ["x" * 1000] * 5000}, "d-1")
    assert answer.json()["version_created"] is True


def test_what_names_nothing_is_read_as_nothing():
    assert (repository({}), commit("", "x"), tag("refs/heads/x")) == ("", "", "")
    assert repository({"repository": {"clone_url": None, "ssh_url": "git@github.com:org/repo.git"}}) == "git@github.com:org/repo.git"
