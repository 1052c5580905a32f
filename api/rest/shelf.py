"""Lists are answered before their route is looked for: in the same words, where nothing has happened since, from what was answered before or
what somebody else is asking for just now; in other words on the short way."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.authentication import actor_of
from api.kept import words_of
from api.rest.express_reads import ListShortcut, ListShortcuts
from api.rest.paging import ListResponse
from api.rest.route import keeping, see_at_least
from api.services import Services


class Shelf:
    def __init__(self, app: ASGIApp, services: Services, shortcuts: ListShortcuts) -> None:
        self._app, self._services, self._shortcuts = app, services, shortcuts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        shortcut = self._shortcuts.get(scope["path"])
        answer = await self._answer(shortcut, Request(scope, receive)) if shortcut else None
        if answer is not None:
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)
        if shortcut is None and not scope.get("path_params") and (found := ListShortcut.of(scope.get("route"))):
            self._shortcuts[scope["path"]] = found

    async def _answer(self, shortcut: ListShortcut, request: Request) -> Response | None:
        """None: not here. Who asks must be known, and allowed to, also where the answer is there already."""
        services, words = self._services, words_of(request.scope)
        asked = None if (perhaps_kept := words in services.lists) else shortcut.understood(words[1])
        if asked is None and not perhaps_kept:
            return None
        request.scope["route"] = shortcut.route
        actor = request.state.actor = await actor_of(services, request.headers.get("authorization", ""))
        await see_at_least(services, request.headers.get("x-min-position", ""))
        if kept := services.lists.get(words, services.positions) or await services.lists.shared(words, services.positions):
            return ListResponse(kept.shown_to(actor))
        asked = asked or shortcut.understood(words[1])
        return await keeping(services, shortcut.answer(request, asked), words, shortcut.route) if asked else None
