"""The short way for lists: to the byte the same answer as on the long way, whatever is asked."""

import asyncio
from collections.abc import Iterator
from urllib.parse import quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.types import Message

from api.rest import ROUTERS
from api.rest.express_reads import ListShortcut
from tests.api.house import LOOPBACK, Rig, open_rig
from tests.api.story import V1, deployment

LISTS = {route.path: route for router in ROUTERS for route in router.routes if "pages" in route.endpoint.__annotations__}
SHORTCUTS = {path: ListShortcut(route) for path, route in LISTS.items()}
NAMES = (
    "page", "page_size", "after", "status", "type", "from", "to", "environment_id", "deployment_id", "repository", "user_id", "username", "action",
    "resource", "resource_id", "provider", "is_active", "applicant_id", "version_id")
SPELLED = (
    *NAMES, "pageSize", "environmentId", "isActive", "resourceId", "PAGE", "Page", "page_Size", "pAge", "n", "id", "from_", "stream_version", "")
GOOD = (
    "1", "2", "20", "100", "success", "pending", "build", "memory", "deployment", "draft", "true", "false", "admin-1", "deployment.created",
    "https://github.com/org/repo", "2026-01-31T14:03:00Z", "2099-12-31T23:59:59.123456+08:00")
ODD = (
    "", " ", "0", "-1", "+5", " 7 ", "1e2", "1.0", "1_0", "10000", "10001", "101", "9" * 19, "9" * 30, "yes", "on", "None", "null", "\0", "a\0b",
    "\n", "\x85", "\u200b", "ÄÖ", "ä%", "日本", "\ufffd", "+", "%", "a&b=c", ";", "2026-01-31", "2026-01-31T14:03:00", "0001-01-01T00:00:00Z",
    "ZGVwbG95bWVudHM6MTA", "ZGVwbG95bWVudHM6", "dep_1' or true --", "x" * 500, "x" * 1001)
VALUES = st.sampled_from(GOOD) | st.sampled_from(ODD) | st.integers(-5, 10_100).map(str) | st.text(max_size=12)
PAIRS = st.tuples(st.sampled_from(SPELLED) | st.text(max_size=8), VALUES)
RAW = st.text("abz=&;+%09AF?#/\xff", max_size=20)


def written(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{quote_plus(name, errors='replace')}={quote_plus(value, errors='replace')}" for name, value in pairs)


QUERIES = st.lists(PAIRS, max_size=4).map(written) | st.tuples(st.lists(PAIRS, max_size=2).map(written), RAW).map("&".join)


class Stage:
    """A server, and a loop to ask it in."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.app = rig, rig.app

    async def ask(self, path: str, query: str, headers: dict[str, str]) -> list[Message]:
        """What the server sends, to the byte."""
        self.rig.services.lists._values.clear()  # what is asked here is asked anew
        given = {"x-request-id": "same", "authorization": f"Bearer {self.rig.tokens['admin']}"} | headers
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {"type": "http", "method": "GET", "path": V1 + path, "raw_path": (V1 + path).encode(), "query_string": query.encode("latin-1"),
                 "headers": [(name.encode(), value.encode()) for name, value in given.items()], "client": LOOPBACK, "server": ("test", 80),
                 "scheme": "http", "http_version": "1.1", "root_path": "", "asgi": {"version": "3.0"}}
        await self.app(scope, receive, send)
        return sent

    async def both(self, path: str, query: str, headers: dict[str, str]) -> tuple[list[Message], list[Message]]:
        """The long way's answer and the short way's."""
        self.app.state.list_shortcuts.clear()
        long = await self.ask(path, query, headers)
        self.app.state.list_shortcuts[V1 + path] = SHORTCUTS[path]
        return long, await self.ask(path, query, headers)


@pytest.fixture(scope="module")
def stage(databases, tmp_path_factory) -> Iterator[tuple[asyncio.Runner, Stage]]:
    conninfo = databases.create()
    with asyncio.Runner() as runner:
        opened = open_rig(conninfo, tmp_path_factory.mktemp("home"))
        rig = runner.run(opened.__aenter__())
        client = rig.client()
        runner.run(deployment(client))
        runner.run(client.aclose())
        yield runner, Stage(rig)
        runner.run(opened.__aexit__(None, None, None))
    databases.drop(conninfo)


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(sorted(LISTS)), QUERIES)
@example("/deployments", "status=pending&page_size=1")
@example("/deployments", "page=1&page=2")
@example("/deployments", "pageSize=1&page_size=2")
@example("/audit-logs", "from=1&to=3&page_size=2")
@example("/audit-logs", "from=2026-01-31T14:03:00")
@example("/environments", "isActive=yes")
@example("/tasks", "n=%01")
@example("/tasks", "type=build&after=bm9ib2R5")
def test_both_ways_answer_alike(stage: tuple[asyncio.Runner, Stage], path: str, query: str):
    runner, server = stage
    long, short = runner.run(server.both(path, query, {}))
    assert short == long


@pytest.mark.parametrize("path", sorted(LISTS))
@pytest.mark.parametrize("headers", [
    {"authorization": ""}, {"authorization": "Bearer tgd_x"}, {"authorization": "Basic a"}, {"x-min-position": "soon"}, {"x-min-position": "1"},
    {"accept": "text/html"}, {"idempotency-key": "k" * 300}, {"if-none-match": "*"}], ids=str)
def test_both_ways_know_who_asks(stage: tuple[asyncio.Runner, Stage], path: str, headers: dict[str, str]):
    runner, server = stage
    long, short = runner.run(server.both(path, "page_size=3", headers))
    assert short == long


def test_both_ways_refuse_who_may_not(stage: tuple[asyncio.Runner, Stage]):
    runner, server = stage
    viewer = {"authorization": f"Bearer {server.rig.tokens['viewer']}"}
    for path in LISTS:
        long, short = runner.run(server.both(path, "", viewer))
        assert short == long
    assert runner.run(server.both("/audit-logs", "", viewer))[1][0]["status"] == 403


def test_every_list_has_a_short_way_and_nothing_else_has_one():
    routes = [route for router in ROUTERS for route in router.routes]
    assert {route.path for route in routes if ListShortcut.of(route)} == set(LISTS)
    assert len(LISTS) == 11


@pytest.mark.parametrize(("query", "short"), [
    (b"", True), (b"status=success&environment_id=env_1&page_size=20&n=7", True), (b"environmentId=env_1", True), (b"after=", True),
    (b"environment_id=a%20b", True), (b"status=none", False), (b"page=0", False), (b"page=1&page=1", False), (b"PAGE=1", False), (b"x=%00", False),
])
def test_what_is_plainly_good_is_understood_here(query: bytes, short: bool):
    assert (SHORTCUTS["/deployments"].understood(query) is not None) is short


async def test_a_list_is_counted_under_its_route_on_both_ways(rig, admin):
    for size in (1, 2, 3):
        assert (await admin.get(f"{V1}/tasks?page_size={size}")).status_code == 200
    assert (await admin.get(f"{V1}/tasks?page_size=4", headers={"authorization": ""})).status_code == 401
    assert list(rig.app.state.list_shortcuts) == [f"{V1}/tasks"]
    counted = (await admin.get("/metrics")).text
    counts = {line.partition('status="')[2][:3]: line.rpartition(" ")[2] for line in counted.splitlines()
              if line.startswith("tiangong_http_answers_total") and '/tasks"' in line}
    assert counts == {"200": "3.0", "401": "1.0"}
