"""The outermost layer: what comes too slowly."""

import asyncio

from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from api.door import Door
from api.metrics import Metrics


async def echo(scope, receive, send):
    body = await Request(scope, receive).body()
    await PlainTextResponse(body)(scope, receive, send)


async def asked(*pieces: bytes, ends: bool, patience: float = 0.05) -> list[dict]:
    """What a client is answered who sends these pieces; if he does not end, he says nothing more."""
    waiting = [{"type": "http.request", "body": piece, "more_body": not ends or n < len(pieces)} for n, piece in enumerate(pieces, 1)]
    said: list[dict] = []

    async def receive():
        return waiting.pop(0) if waiting else await asyncio.Event().wait()

    async def send(message):
        said.append(message)

    scope = {"type": "http", "method": "POST", "path": "/api/v1/versions", "headers": [], "query_string": b""}
    async with asyncio.timeout(5):
        await Door(echo, Metrics(CollectorRegistry()), patience)(scope, receive, send)
    return said


async def test_a_body_that_never_comes_to_its_end_is_answered_408():
    said = await asked(b'{"git_tag":', ends=False)
    assert said[0]["status"] == 408
    assert b"REQUEST_TIMEOUT" in said[1]["body"]


async def test_a_body_that_comes_in_pieces_is_taken():
    said = await asked(b"a", b"b", b"c", ends=True, patience=5)
    assert (said[0]["status"], said[1]["body"]) == (200, b"abc")
