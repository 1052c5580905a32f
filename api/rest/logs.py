"""Task logs (S0, S4), and a deployment's changes as they happen."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.live import GLANCE, Pulse, deployment_changes
from api.reading import DEPLOYMENTS
from api.rest import streams
from api.rest.call import Call, OneCall, encoded, public
from api.rest.route import Route
from domain.errors import NotFound

router = APIRouter(route_class=Route, tags=["deployments"])
Level = Annotated[Literal["info", "warn", "error"] | None, Query()]
AfterSeq = Annotated[int, Query(ge=0, lt=2**62)]
Attempt = Annotated[int | None, Query(ge=1, lt=2**31)]
Limit = Annotated[int, Query(ge=1, le=10_000)]


@router.get("/deployments/{id}/logs")
async def get_deployment_logs(call: OneCall, id: str, level: Level = None, limit: Limit = 1000) -> Response:
    """The lines of all its tasks' newest attempts, in the workflow's order, up to `limit`; `complete` where nothing is missing or to come."""
    pages = await call.read.deployment_logs(id, level, limit)
    logs = [{"task_id": page.task_id, **line} for page in pages for line in page.lines]
    return encoded({"deployment_id": id, "logs": logs[:limit], "complete": len(logs) <= limit and all(page.complete for page in pages)})


@router.get("/deployments/{id}/tasks/{task_id}/logs")
async def get_task_logs(call: OneCall, id: str, task_id: str, level: Level = None, after_seq: AfterSeq = 0, attempt: Attempt = None,
                        limit: Limit = 1000, follow: bool = False) -> Response:
    """Of the newest attempt, unless one is named. `next_seq` is the number of the line that comes next. With `follow`, as events `log`, until
    the log is complete (`end`)."""
    if await call.read.deployment_of(task_id) != id:
        raise NotFound(f"there is no task {task_id} in {id}")
    if follow:
        after_seq = max(after_seq, streams.last_event(call))
        return streams.stream(follow_log(call, task_id, attempt, after_seq, level))
    page = await call.read.logs(task_id, attempt, after_seq, level, limit)
    return encoded({"task_id": task_id, "logs": page.lines, "complete": page.complete, "next_seq": page.next_seq, "attempt": page.attempt})


async def follow_log(call: Call, task: str, attempt: int | None, after_seq: int, level: str | None) -> AsyncIterator[bytes]:
    pulse = Pulse(call.services, call.authorization)
    async with call.request.app.state.log_bell.at(task) as bell:
        while not call.services.stopping.is_set():
            bell.clear()
            page = await call.read.logs(task, attempt, after_seq, None, 1000)
            attempt = page.attempt or None  # from now on this one, also when another begins
            for line in (line for line in page.lines if level in (None, line["level"])):
                yield streams.event("log", line, line["seq"])
            if page.closed:
                yield streams.event("end", {"complete": page.complete, "next_seq": page.next_seq})
                return
            if page.lines:
                after_seq = page.next_seq - 1
                pulse.beat()
                continue
            if pulse.due:
                if not await pulse.is_welcome():
                    return
                yield streams.HEARTBEAT
            await waited(bell)


async def waited(bell: asyncio.Event) -> bool:
    """Whether it rang within a glance."""
    try:
        await asyncio.wait_for(bell.wait(), GLANCE)
    except TimeoutError:
        return False
    return True


@router.get("/deployments/{id}/events")
async def get_deployment_events(call: OneCall, id: str) -> Response:
    """The deployment, as `GET /deployments/{id}` prints it, now and each time it or one of its tasks has changed: events `deployment`,
    whose id is the log position of the change."""
    seen = streams.last_event(call)
    await call.read.one(DEPLOYMENTS, id)
    return streams.stream(follow_deployment(call, id, seen))


async def follow_deployment(call: Call, id: str, seen: int) -> AsyncIterator[bytes]:
    async for position in deployment_changes(call.services, id, seen, call.authorization):
        if position is None:
            yield streams.HEARTBEAT
        else:
            yield streams.event("deployment", public(await call.read.one(DEPLOYMENTS, id)), position)
