"""The short way for a command as it should be: from its path to its handler, past the router, the exit stacks and the dependencies.

Nothing is decided here. Who calls and whether it was asked before is `Route`'s to say, as on the long way; whatever is out of the
ordinary (another Content-Type, a body in pieces, one that does not fit) goes the long way from its beginning, and is answered there.
"""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, get_type_hints

import msgspec
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.rest.call import OneCall
from api.shapes import plain_json

Handle = Callable[[Request, BaseModel], Awaitable[Response]]


@dataclass(frozen=True)
class Shortcut:
    body: type[BaseModel]
    handle: Handle
    route: object
    """That the router finds for this path."""


Shortcuts = dict[str, Shortcut]
"""By path. A route adds itself when it has been found the long way: there are no more than routes without parameters."""


class Express:
    def __init__(self, app: ASGIApp, shortcuts: Shortcuts) -> None:
        self._app, self._shortcuts = app, shortcuts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        shortcut = self._shortcuts.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if shortcut is None:
            return await self._app(scope, receive, send)
        message = await receive()
        body = understood(shortcut.body, scope, message)
        again = beginning_with(message, receive)
        if body is None:
            return await self._app(scope, again, send)
        scope["route"] = shortcut.route
        response = await shortcut.handle(Request(scope, again), body)
        return await response(scope, receive, send)


def body_of(endpoint: Callable[..., Any]) -> type[BaseModel] | None:
    """What it takes beside the call, where that is a body and nothing else."""
    hints = get_type_hints(endpoint, include_extras=True)
    body = hints.get("body")
    if list(inspect.signature(endpoint).parameters) != ["call", "body"] or hints["call"] != OneCall:
        return None
    return body if isinstance(body, type) and issubclass(body, BaseModel) else None


def understood(model: type[BaseModel], scope: Scope, message: Message) -> BaseModel | None:
    """None: not here."""
    kinds = [value for name, value in scope["headers"] if name == b"content-type"]
    if kinds != [b"application/json"] or message["type"] != "http.request" or message.get("more_body", False):
        return None
    try:
        content = msgspec.json.decode(message.get("body", b""))
        plain_json(content)
        return model.model_validate(content)
    except (msgspec.DecodeError, RecursionError, ValueError):  # the long way says what is wrong with it
        return None


def beginning_with(message: Message, receive: Receive) -> Receive:
    """`receive`, as if nothing had been taken from it yet."""
    taken = [message]

    async def again() -> Message:
        return taken.pop() if taken else await receive()

    return again
