"""A list that was asked for in the same words, where nothing has happened since, is answered before its route is looked for; and one
that somebody else is asking for just now is waited for."""

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.authentication import actor_of
from api.kept import ListAnswer, words_of
from api.rest.paging import ListResponse
from api.rest.route import see_at_least
from api.services import Services


class Shelf:
    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app, self._services = app, services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kept = await self._kept(Request(scope)) if scope["type"] == "http" and scope["method"] == "GET" else None
        if kept is None:
            return await self._app(scope, receive, send)
        scope["route"] = kept.route
        return await ListResponse(kept)(scope, receive, send)

    async def _kept(self, request: Request) -> ListAnswer | None:
        """Who asks must be known, and allowed to, all the same."""
        services, words = self._services, words_of(request.scope)
        if words not in services.lists:
            return None
        actor = await actor_of(services, request.headers.get("authorization", ""))
        await see_at_least(services, request.headers.get("x-min-position", ""))
        kept = services.lists.get(words, services.positions) or await services.lists.shared(words, services.positions)
        return kept.shown_to(actor) if kept else None
