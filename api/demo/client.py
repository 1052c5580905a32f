"""A user of the REST API. It reads its own writes (`X-Min-Position`), and may be told to be patient with a server that comes and goes."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx

Json = dict[str, Any]
PAUSE = 0.1
PUSHED = httpx.Timeout(15, read=60)
"""Seconds; a pushed log is kept alive by the server while nothing happens."""


class Unexpected(Exception):
    """The server said no, or said nothing in time; the message has its words."""


class Client:
    """`patience`: seconds for which a call is repeated while the server cannot be reached or says 503. A POST is safe to repeat: it has a key."""

    def __init__(self, url: str, token: str, patience: float = 0.0) -> None:
        self._http = httpx.AsyncClient(base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=15, trust_env=False)
        self._patience = patience
        self._position = 0

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, path: str, **params: object) -> Json:
        return await self._call("GET", path, params={name.rstrip("_"): str(value) for name, value in params.items()})

    async def post(self, path: str, body: Json | None = None) -> Json:
        return await self._call("POST", path, json=body or {}, headers={"Idempotency-Key": str(uuid.uuid4())})

    async def put(self, path: str, body: Json) -> Json:
        return await self._call("PUT", path, json=body)

    async def every(self, plural: str, **params: object) -> list[Json]:
        """All pages of a list, oldest first."""
        found: list[Json] = []
        page = await self.get(f"/{plural}", page_size=100, **params)
        while True:
            found += page[plural.replace("-", "_")]
            if not page.get("next") or not page[plural.replace("-", "_")]:
                return found[::-1]
            page = await self.get(f"/{plural}", page_size=100, after=page["next"], **params)

    async def lines(self, path: str) -> AsyncIterator[Json]:
        """A log as the server pushes it (SSE), from its first line to the closing of the log."""
        async with self._http.stream("GET", path, params={"follow": "true"}, headers={"Accept": "text/event-stream"}, timeout=PUSHED) as answer:
            if answer.is_error:
                raise Unexpected(f"GET {path}: {answer.status_code} {(await answer.aread()).decode()[:500]}")
            async for text in answer.aiter_lines():
                if text.startswith("data:") and "message" in (line := json.loads(text.removeprefix("data:"))):
                    yield line

    def saw(self, response: httpx.Response) -> None:
        """What is read from now on is at least as new as this answer."""
        self._position = max(self._position, int(response.headers.get("X-Log-Position", 0)))

    async def until(self, what: str, seconds: float, look: Callable[[], Awaitable[Json | None]]) -> Json:
        """Look again and again until something is there. Raises Unexpected when it is not in time."""
        deadline = time.monotonic() + seconds
        while (found := await look()) is None:
            if time.monotonic() > deadline:
                raise Unexpected(f"{what}: not within {seconds:g} s")
            await asyncio.sleep(PAUSE)
        return found

    async def _call(self, method: str, path: str, **request: Any) -> Json:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                response = await self._http.request(method, path, **self._with_position(method, request))
                if response.status_code != 503 or time.monotonic() > deadline:
                    return self._understood(method, path, response)
            except httpx.TransportError as error:
                if time.monotonic() > deadline:
                    raise Unexpected(f"{method} {path}: {type(error).__name__} {error}") from error
            await asyncio.sleep(PAUSE)

    def _with_position(self, method: str, request: dict[str, Any]) -> dict[str, Any]:
        seen = {"X-Min-Position": str(self._position)} if method == "GET" and self._position else {}
        return {**request, "headers": {**request.get("headers", {}), **seen}}

    def _understood(self, method: str, path: str, response: httpx.Response) -> Json:
        self.saw(response)
        if response.is_error:
            raise Unexpected(f"{method} {path}: {response.status_code} {response.text[:500]}")
        found: Json = response.json()
        return found
