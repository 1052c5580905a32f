"""The outermost layer of every request: its id, the limit of its body, its count, and no internals in an answer.

Written against ASGI itself: what wraps every request should cost as little as it can.
"""

import asyncio
import logging
import re
import time
from collections.abc import Mapping

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import Problem, answer, reply
from api.header import header
from api.metrics import Metrics
from application.chance import sixteen

logger = logging.getLogger(__name__)
REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,100}")
METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"})
MIB = 1024 * 1024
LARGEST = MIB
LARGEST_BELOW: Mapping[str, int] = {"/api/v1/webhooks/": 25 * MIB, "/api/webhooks/": 25 * MIB}
"""Bytes of a body, by the path's beginning where it is not `LARGEST`."""
PATIENCE = 60.0
"""Seconds that a body may take to arrive."""
BODY_IS_HERE = "tiangong.body_is_here"
"""In a scope's `extensions`, where the server knows it: the body had come whole before it was asked for (see api/one_write.py)."""


class Door:
    def __init__(self, app: ASGIApp, metrics: Metrics, patience: float = PATIENCE) -> None:
        self._app, self._metrics, self._patience = app, metrics, patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        scope.setdefault("state", {})["request_id"] = request_id(scope)
        if scope["type"] == "http":
            return await self._http(scope, receive, send)
        return await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, status = time.perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", scope["state"]["request_id"].encode())]
                self._count(scope, status, time.perf_counter() - began)
            await send(message)

        try:
            await self._app(scope, limited(scope, receive, self._patience), sending)
        except ClientDisconnect:
            return  # there is nobody to answer
        except Exception as error:
            foreseen = answer(error)
            if foreseen is None:
                logger.exception("request %s failed: %s %s", scope["state"]["request_id"], scope["method"], scope["path"])
            if status:
                raise  # the answer has begun: cutting it off is all that is left
            unforeseen = reply(500, "INTERNAL_ERROR", "something went wrong here; the server's log has it under the request id",
                               {"request_id": scope["state"]["request_id"]})
            await (foreseen or unforeseen)(scope, receive, sending)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path_format", "") or "none"
        self._metrics.answered(scope["method"] if scope["method"] in METHODS else "other", route, status, seconds)


def request_id(scope: Scope) -> str:
    """The caller's own, where it is one; else a new one."""
    given = header(scope, b"x-request-id")
    return given if REQUEST_ID.fullmatch(given) else f"req_{sixteen().hex()}"


def limited(scope: Scope, receive: Receive, patience: float) -> Receive:
    """`receive`, until the body is larger than it may be: then it raises the answer 413, before the rest is read; or until it has not
    come whole in time: then 408."""
    limit = largest(scope["path"])
    announced = header(scope, b"content-length")
    size, whole, began = 0, BODY_IS_HERE in scope.get("extensions", ()), asyncio.get_running_loop().time()

    async def receiving() -> Message:
        nonlocal size, whole
        if announced.isdecimal() and int(announced) > limit:
            raise too_large(limit)
        try:
            if whole:  # who has sent all may wait for the answer's end; and it costs more to watch than to receive
                message = await receive()
            else:
                async with asyncio.timeout_at(began + patience):
                    message = await receive()
        except TimeoutError:
            raise Problem(408, f"the request's body did not come within {patience:g} s") from None
        whole = whole or not message.get("more_body", False)
        size += len(message.get("body", b""))
        if size > limit:
            raise too_large(limit)
        return message

    return receiving


def largest(path: str) -> int:
    for start, size in LARGEST_BELOW.items():
        if path.startswith(start):
            return size
    return LARGEST


def too_large(limit: int) -> Problem:
    return Problem(413, f"the body is larger than {limit} bytes", limit=limit)
