"""One call: who calls, what it may use, and how it is answered."""

from collections.abc import Callable
from typing import Annotated

import msgspec
from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from api.authentication import caller_of
from api.errors import Problem, unavailable
from api.header import header
from api.reading import Kind, Reading, Row
from api.rows import Rows
from api.services import Services
from application.caller import Caller
from application.house import Done

PATIENCE = 5.0
"""Seconds that an answer waits for the read models."""


class Call:
    """Made for each request, after its caller is known."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.services: Services = request.app.state.services
        self.caller: Caller = caller_of(request, request.state.actor)
        self.read = Reading(self.services, request.state.actor)

    @property
    def authorization(self) -> str:
        return header(self.request.scope, b"authorization")

    @property
    def seen(self) -> int | None:
        """`If-Match`: the version of the thing that the caller has seen; None where any will do."""
        given = self.request.headers.get("if-match", "").strip()
        if given in ("", "*"):
            return None
        number = given.removeprefix("W/").strip('"')
        if not number.isdecimal() or len(number) > 18:
            raise Problem(400, "If-Match takes the ETag of an earlier answer", field="If-Match")
        return int(number)

    async def done(self, done: Done, kind: Kind, status: int = 200, *, id: str = "") -> Response:
        """The answer to a command: the thing (`id`: another than the command was about) once the command's own facts can be read."""
        rows: Rows = self.request.app.state.rows
        wanted = rows.wanted(self.caller.actor, kind, id or done.id)
        await self.catch_up(done, wanted.ask)
        return shown(await wanted.row(), status, done.position)

    async def said(self, done: Done, content: Row, status: int = 200) -> Response:
        """The answer to a command that has words of its own."""
        await self.catch_up(done)
        return encoded(content, status, {"X-Log-Position": str(done.position)})

    async def catch_up(self, done: Done, then: Callable[[], None] | None = None) -> None:
        if not await self.services.positions.wait(done.position, PATIENCE, then):
            raise unavailable("it was done and is stored, but cannot be shown yet: read it again later", id=done.id, position=done.position)


async def call_of(request: Request) -> Call:
    """A coroutine: what is not is called in a thread."""
    return Call(request)


OneCall = Annotated[Call, Depends(call_of)]


def shown(row: Row, status: int = 200, position: int | None = None) -> Response:
    """One thing, with its version as ETag."""
    headers = {"ETag": f'"{row["stream_version"]}"'} if "stream_version" in row else {}
    if position is not None:
        headers["X-Log-Position"] = str(position)
    return encoded(public(row), status, headers)


def public(row: Row) -> Row:
    """A row as it is printed: its version stands in the ETag."""
    printed = {**row, "tasks": [public(part) for part in row["tasks"]]} if "tasks" in row else row.copy()
    printed.pop("stream_version", None)
    return printed


def encoded(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(content), status, headers, "application/json")
