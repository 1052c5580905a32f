"""What is pushed over a real connection: a deployment's changes, and a task's log."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.api.house import Rig
from tests.api.serving import served
from tests.api.story import V1, deployment, detail, task_of

Event = dict[str, Any]


@asynccontextmanager
async def events(rig: Rig, url: str, path: str, **headers: str) -> AsyncIterator[AsyncIterator[Event]]:
    """The events of a stream, as they come: `event`, `id`, `data`."""
    auth = {"Authorization": f"Bearer {rig.tokens['viewer']}"}
    async with httpx.AsyncClient(base_url=url, headers=auth | headers, timeout=20) as client, client.stream("GET", V1 + path) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield parsed(answer.aiter_lines())


async def parsed(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    event: Event = {}
    async for line in lines:
        name, _, value = line.partition(": ")
        if name in ("id", "event"):
            event[name] = value
        elif name == "data":
            event["data"] = json.loads(value)
        elif not line and event:
            yield event
            event = {}


async def take(stream: AsyncIterator[Event]) -> Event:
    return await asyncio.wait_for(anext(stream), 10)


async def test_a_deployments_changes_are_pushed_until_it_ends(rig, admin):
    id = (await deployment(admin))["id"]
    deploy, check = (await detail(admin, id))["tasks"]
    async with served(rig) as url, events(rig, url, f"/deployments/{id}/events") as stream:
        now = await take(stream)
        assert (now["event"], now["data"]["phase"], now["data"]["tasks"][0]["status"]) == ("deployment", "running", "pending")
        await rig.begin(deploy["id"])
        assert (await take(stream))["data"]["tasks"][0]["status"] == "running"
        await rig.finish(deploy["id"])
        await rig.finish(check["id"])
        while (seen := await take(stream))["data"]["phase"] != "success":
            pass
        assert seen["data"] == await detail(admin, id)


async def test_a_stream_that_broke_goes_on_where_it_was(rig, admin):
    id = (await deployment(admin))["id"]
    task = await task_of(admin, id, "deploy")
    async with served(rig) as url:
        async with events(rig, url, f"/deployments/{id}/events") as stream:
            last = (await take(stream))["id"]
        await rig.begin(task["id"])
        async with events(rig, url, f"/deployments/{id}/events", **{"Last-Event-ID": last}) as stream:
            assert (await take(stream))["data"]["tasks"][0]["status"] == "running"
        async with events(rig, url, f"/deployments/{id}/events", **{"Last-Event-ID": str(10**12)}) as stream:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(stream), 0.5)


async def test_a_stream_tells_its_refusals_before_it_begins(rig, admin):
    async with served(rig) as url, httpx.AsyncClient(base_url=url) as client:
        assert (await client.get(f"{V1}/deployments/dep_1/events")).status_code == 401
        auth = {"Authorization": f"Bearer {rig.tokens['viewer']}"}
        assert (await client.get(f"{V1}/deployments/dep_1/events", headers=auth)).status_code == 404
        assert (await client.get(f"{V1}/deployments/dep_1/tasks/task_1/logs?follow=true", headers=auth)).status_code == 404


async def test_a_log_is_followed_line_by_line_to_its_end(rig, admin):
    id = (await deployment(admin))["id"]
    task = await task_of(admin, id, "deploy")
    path = f"/deployments/{id}/tasks/{task['id']}/logs"
    log = await rig.logs.open(task["id"], 1)
    async with served(rig) as url, events(rig, url, f"{path}?follow=true") as stream:
        log.line("first")
        assert (await take(stream))["data"]["message"] == "first"
        log.line("second", "error")
        seen = await take(stream)
        assert (seen["id"], seen["data"]["seq"], seen["data"]["level"]) == ("2", 2, "error")
        await rig.logs.close(log)
        assert (await take(stream)) == {"event": "end", "data": {"complete": True, "next_seq": 3}}
        async with events(rig, url, f"{path}?follow=true", **{"Last-Event-ID": "1"}) as again:
            assert [(await take(again))["event"], (await take(again))["event"]] == ["log", "end"]
        async with events(rig, url, f"{path}?follow=true&level=error") as errors:
            assert (await take(errors))["data"]["message"] == "second"


async def test_a_log_is_read_by_level_by_place_and_by_attempt(rig, admin):
    id = (await deployment(admin))["id"]
    task = await task_of(admin, id, "deploy")
    path = f"{V1}/deployments/{id}/tasks/{task['id']}/logs"
    assert (await admin.get(path)).json() == {"task_id": task["id"], "logs": [], "complete": False, "next_seq": 1, "attempt": 0}
    log = await rig.logs.open(task["id"], 1)
    for n, level in enumerate(("info", "warn", "error"), 1):
        log.line(f"line {n}", level)
    await rig.logs.close(log)
    whole = (await admin.get(path)).json()
    assert [(line["seq"], line["level"], line["message"]) for line in whole["logs"]] == [
        (1, "info", "line 1"), (2, "warn", "line 2"), (3, "error", "line 3")]
    assert (whole["complete"], whole["next_seq"]) == (True, 4)
    assert [line["seq"] for line in (await admin.get(f"{path}?after_seq=1&level=error")).json()["logs"]] == [3]
    part = (await admin.get(f"{path}?limit=2")).json()
    assert (len(part["logs"]), part["complete"], part["next_seq"]) == (2, False, 3)
    second = await rig.logs.open(task["id"], 2)
    second.line("again")
    await rig.logs.close(second)
    assert [line["message"] for line in (await admin.get(path)).json()["logs"]] == ["again"]
    assert len((await admin.get(f"{path}?attempt=1")).json()["logs"]) == 3
    of_all = (await admin.get(f"{V1}/deployments/{id}/logs")).json()
    assert [(line["task_id"], line["message"]) for line in of_all["logs"]] == [(task["id"], "again")]
    assert (await admin.get(f"{V1}/deployments/dep_1/tasks/{task['id']}/logs")).status_code == 404


async def test_a_server_that_ends_ends_its_streams(rig, admin):
    id = (await deployment(admin))["id"]
    async with served(rig) as url, events(rig, url, f"/deployments/{id}/events") as stream:
        await take(stream)
        began = time.monotonic()
        rig.services.stopping.set()
        with pytest.raises(StopAsyncIteration):
            await take(stream)
        assert time.monotonic() - began < 4


async def test_a_body_that_is_too_large_is_refused_while_it_is_read(rig, admin):
    async with served(rig) as url, httpx.AsyncClient(base_url=url) as client:
        announced = await client.post(f"{V1}/versions", content=b" " * (2**20 + 1), headers=dict(admin.headers))
        assert (announced.status_code, announced.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST {V1}/versions HTTP/1.1\r\nHost: x\r\nAuthorization: {admin.headers['Authorization']}\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode() + (b"10000\r\n" + b" " * 2**16 + b"\r\n") * 17)  # more than a MiB, and no end
        assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 413")
        writer.close()
        await writer.wait_closed()
        assert (await client.get("/healthz")).json() == {"status": "ok"}
