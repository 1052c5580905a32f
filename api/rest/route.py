"""What every route behind a token does before its handler: who calls, what must be visible, and whether it was asked before."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import msgspec
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from api.authentication import actor_of, idempotency_key
from api.errors import Problem, answer, invalid, unavailable
from api.header import header
from api.kept import Words, words_of
from api.rest.call import PATIENCE, Call
from api.rest.express import Shortcut, body_of
from api.rest.idempotency import Asked, digest_of, once
from api.rest.paging import ListResponse, snake_case
from api.services import Services
from api.shapes import plain_json

LARGEST_KEPT = 1 << 17
"""Bytes of a list that is kept."""
Handler = Callable[[Request], Awaitable[Response]]


class StrictRequest(Request):
    """Its JSON holds nothing that could not be stored."""

    async def json(self) -> Any:
        try:
            content = msgspec.json.decode(await self.body())
            plain_json(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
            message = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise Problem(400, f"the body is not acceptable JSON: {message}", field="body") from error
        return content


class Route(APIRoute):
    """Behind a token."""

    keeps_answers = True
    """False where an answer is secret: it is then not kept beside its Idempotency-Key."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle, body = super().get_route_handler(), body_of(self.endpoint)
        listing = "pages" in self.endpoint.__annotations__

        async def handler(request: Request) -> Response:
            words = words_of(request.scope)
            if body and request.method == "POST" and not request.path_params:
                request.app.state.shortcuts[request.scope["path"]] = Shortcut(body, self.at_once, request.scope["route"])
            request = await admitted(request)
            if listing and request.method == "GET":
                return await keeping(request.app.state.services, handle(request), words, request.scope.get("route"))
            return await self.carried_out(request, handle)

        return handler

    async def at_once(self, request: Request, body: BaseModel) -> Response:
        """The answer to a command that is understood already."""
        return await self.carried_out(await admitted(request), lambda asked: self.endpoint(Call(asked), body))

    async def carried_out(self, request: Request, handle: Handler) -> Response:
        """Once, where it has an Idempotency-Key."""
        if not (key := idempotency_key(request)):
            return await handle(request)
        digest = digest_of(header(request.scope, b"authorization"), await request.body())
        asked = Asked(request.state.actor.id, key, request.method, request.url.path, digest)
        return await once(request.app.state.services.pool, asked, lambda: answered(handle, request), keep=self.keeps_answers)


async def admitted(request: Request) -> Request:
    """The request of somebody who is known, when what he has seen can be seen."""
    services: Services = request.app.state.services
    scope = {**request.scope, "query_string": query_of(request)} if request.scope["query_string"] else request.scope
    request = StrictRequest(scope, request.receive)
    if request.path_params and any("\0" in str(value) for value in request.path_params.values()):
        raise Problem(404, "nothing has an id like this")
    request.state.actor = await actor_of(services, header(request.scope, b"authorization"))
    await see_at_least(services, header(request.scope, b"x-min-position"))
    return request


async def keeping(services: Services, response: Awaitable[Response], words: Words, route: object) -> Response:
    """A list, kept for whoever asks next, and told to those who ask the same just now."""
    with services.lists.sharing(words, services.positions) as tell:
        found = await response
        if isinstance(found, ListResponse) and len(found.body) <= LARGEST_KEPT:
            tell(replace(found.kept, route=route))
        return found


class SecretRoute(Route):
    keeps_answers = False


def query_of(request: Request) -> bytes:
    try:
        return snake_case(request.scope["query_string"])
    except ValueError as error:
        raise Problem(400, f"the query: {error}", field="query") from error


async def answered(handle: Handler, request: Request) -> Response:
    """The handler's answer, refusals included."""
    try:
        return await handle(request)
    except RequestValidationError as error:
        return invalid(error.errors())
    except Exception as error:
        foreseen = answer(error)
        if foreseen is None:
            raise
        return foreseen


async def see_at_least(services: Services, position: str, patience: float = PATIENCE) -> None:
    """`X-Min-Position`: answer from read models that have come this far. Raises 503 where they do not in time."""
    if not position:
        return
    if not position.isdecimal() or len(position) > 18:
        raise Problem(400, "X-Min-Position takes the X-Log-Position of an earlier answer", field="X-Min-Position")
    if not await services.positions.wait(int(position), patience):
        raise unavailable(f"the read models have not reached position {position} yet", position=services.positions.current)
