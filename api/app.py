"""The HTTP application: all doors over one set of services."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api import graphql, operations
from api.door import Door
from api.errors import answer, invalid, reply
from api.live import LogBell
from api.metrics import Metrics
from api.openapi import described
from api.resource import Resource
from api.rest import ROUTERS, S3_ROUTERS
from api.rest.express import Express, Shortcuts
from api.rest.express_reads import ListShortcuts
from api.rest.shelf import Shelf
from api.rows import Rows
from api.services import Services
from api.webhooks import github

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


class App(FastAPI):
    """FastAPI without its outermost layers: `Door` answers for errors and limits bodies, and each layer costs every request."""

    def build_middleware_stack(self) -> ASGIApp:
        stack: Any = super().build_middleware_stack()
        while not isinstance(stack, Door):
            stack = stack.app
        return stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Starlette.__call__(self, scope, receive, send)  # past FastAPI's own, which asks every time whether there is telemetry


def create_app(services: Services, lifespan: Lifespan | None = None) -> FastAPI:
    app = App(
        title="Tiangong Deploy", version="1", lifespan=lifespan or nothing_to_do, redirect_slashes=False,
        exception_handlers={RequestValidationError: not_valid, HTTPException: refused})
    app.state.services = services
    app.state.metrics = Metrics(services.registry)
    app.state.log_bell = LogBell(services.pool)
    app.state.rows = Rows(services.pool)
    app.state.shortcuts, app.state.list_shortcuts = Shortcuts(), ListShortcuts()
    v1, s3 = APIRouter(prefix="/api/v1"), APIRouter(prefix="/api", include_in_schema=False)
    for router in ROUTERS:
        v1.include_router(Resource(router, v1.prefix), dependencies=[Depends(HTTPBearer(auto_error=False))])  # to be described: `Route` asks
    v1.include_router(Resource(github.router, v1.prefix))
    for router in (*S3_ROUTERS, github.router):
        s3.include_router(Resource(router, s3.prefix))
    for router in (v1, s3, operations.router, graphql.router()):
        app.include_router(router)
    app.openapi = partial(described, app)  # type: ignore[method-assign]  # FastAPI's own way to change it
    app.add_middleware(Express, shortcuts=app.state.shortcuts)
    app.add_middleware(Shelf, services=services, shortcuts=app.state.list_shortcuts)
    app.add_middleware(Door, metrics=app.state.metrics)
    return app


@asynccontextmanager
async def nothing_to_do(app: FastAPI) -> AsyncIterator[None]:
    yield


async def not_valid(request: Request, error: RequestValidationError) -> Response:
    return invalid(error.errors())


async def refused(request: Request, error: HTTPException) -> Response:
    """The router's own refusals, in our shape and words."""
    if error.status_code == 404 and error.detail == "Not Found":
        return reply(404, "RESOURCE_NOT_FOUND", f"there is nothing at {request.url.path}", {})
    if error.status_code == 405 and error.detail == "Method Not Allowed":
        return reply(405, "METHOD_NOT_ALLOWED", f"{request.method} is not possible here", {}, error.headers)
    found = answer(error)
    assert found is not None
    return found
