"""The short way for commands: the same answer as on the long way, whatever is asked, and only for what is as it should be."""

import asyncio

import pytest

from api.authentication import LONGEST_KEY
from api.rest import changes
from api.rest.express import body_of
from api.rest.route import Route
from tests.api.story import V1

PATH = f"{V1}/changes"
BODY = {"title": "deploy it", "type": "deployment", "payload": {"version_id": "v", "application_ids": ["a"], "environment_id": "e"}}
STRANGE = {
    "no body": {},
    "half a body": {"content": b'{"title": ', "headers": {"Content-Type": "application/json"}},
    "not JSON": {"content": b"title=a", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
    "JSON that is not called so": {"content": b"{}", "headers": {"Content-Type": "text/plain"}},
    "a list": {"json": [BODY]},
    "null": {"json": None},
    "a field too many": {"json": BODY | {"more": 1}},
    "a field too few": {"json": {"title": "a"}},
    "no change": {"json": BODY | {"type": "holiday"}},
    "a payload that does not fit": {"json": BODY | {"payload": {"a": 1}}},
    "a NUL": {"json": BODY | {"title": "a\0b"}},
    "a number beyond 64 bits": {"json": BODY | {"payload": {"n": 2**70}}},
    "nested without end": {"content": b'{"payload":' * 50 + b"1" + b"}" * 50, "headers": {"Content-Type": "application/json"}},
    "not UTF-8": {"content": b'{"title": "\xff"}', "headers": {"Content-Type": "application/json"}},
    "another charset": {"json": BODY, "headers": {"Content-Type": "application/json; charset=utf-8"}},
    "nobody": {"json": BODY, "headers": {"Authorization": ""}},
    "a stranger with a body that does not fit": {"json": {}, "headers": {"Authorization": "Bearer tgd_x"}},
    "too long a key": {"json": BODY, "headers": {"Idempotency-Key": "k" * (LONGEST_KEY + 1)}},
    "a position that is none": {"json": BODY, "headers": {"X-Min-Position": "soon"}},
    "a query that means nothing": {"json": BODY, "params": {"a": "b"}},
    "as it should be": {"json": BODY},
}


def same(answer) -> tuple:
    """But for what no two answers share."""
    content = answer.json()
    changing = {"id", "created_at", "updated_at", "position"}
    words = {key: value for key, value in content.items() if key not in changing} if isinstance(content, dict) else content
    return answer.status_code, words, answer.headers["content-type"], answer.headers.get("www-authenticate"), answer.headers.get("etag")


@pytest.mark.parametrize("asked", STRANGE.values(), ids=STRANGE)
async def test_both_ways_answer_alike(rig, admin, asked):
    shortcuts = rig.app.state.shortcuts
    shortcuts.clear()
    long = await admin.post(PATH, **asked)
    await admin.post(PATH, json=BODY)
    assert PATH in shortcuts
    assert same(await admin.post(PATH, **asked)) == same(long)


async def test_the_short_way_is_taken_and_counted_under_the_same_route(rig, admin):
    first, second = [await admin.post(PATH, json=BODY) for _ in range(2)]
    assert [first.status_code, second.status_code] == [201, 201]
    shortcut = rig.app.state.shortcuts[PATH]
    assert isinstance(shortcut.handle.__self__, Route)
    counted = (await admin.get("/metrics")).text
    counts = [line.rpartition(" ")[2] for line in counted.splitlines() if 'total{method="POST"' in line and '/changes",status="201"' in line]
    assert counts == ["2.0"]


async def test_under_one_key_it_is_done_once_on_either_way(admin):
    answers = [await admin.post(PATH, json=BODY, headers={"Idempotency-Key": "monday"}) for _ in range(3)]
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    other = await admin.post(PATH, json=BODY | {"title": "another"}, headers={"Idempotency-Key": "monday"})
    assert other.status_code == 409


async def test_what_may_not_be_done_is_refused_on_the_short_way_too(rig, admin):
    await admin.post(PATH, json=BODY)
    assert PATH in rig.app.state.shortcuts
    async with rig.client("viewer") as viewer:
        assert (await viewer.post(PATH, json=BODY)).status_code == 403


async def test_many_at_once_get_an_answer_each(admin):
    await admin.post(PATH, json=BODY)
    answers = await asyncio.gather(*(admin.post(PATH, json=BODY | {"title": f"t {number}"}) for number in range(40)))
    assert [answer.json()["title"] for answer in answers] == [f"t {number}" for number in range(40)]
    assert len({answer.json()["id"] for answer in answers}) == 40


def test_only_what_takes_a_body_and_nothing_else_has_a_short_way():
    found = {route.path: body_of(route.endpoint) for route in changes.router.routes if "POST" in route.methods}
    assert found == dict.fromkeys(found) | {"/changes": changes.NewChange}
