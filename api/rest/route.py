"""What every route behind a token does before its handler: who calls, what must be visible, and whether it was asked before."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import msgspec
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from api.authentication import actor_of, idempotency_key
from api.errors import Problem, answer, invalid, unavailable
from api.kept import Words, words_of
from api.rest.call import PATIENCE
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
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            services: Services = request.app.state.services
            words = words_of(request.scope)
            request = StrictRequest({**request.scope, "query_string": query_of(request)}, request.receive)
            authorization = request.headers.get("authorization", "")
            if any("\0" in str(value) for value in request.path_params.values()):
                raise Problem(404, "nothing has an id like this")
            request.state.actor = await actor_of(services, authorization)
            await see_at_least(services, request.headers.get("x-min-position", ""))
            if request.method == "GET" and "pages" in self.endpoint.__annotations__:
                return await keeping(services, handle(request), words, request.scope.get("route"))
            if not (key := idempotency_key(request)):
                return await handle(request)
            asked = Asked(request.state.actor.id, key, request.method, request.url.path, digest_of(authorization, await request.body()))
            return await once(services.pool, asked, lambda: answered(handle, request), keep=self.keeps_answers)

        return handler


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
