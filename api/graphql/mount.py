"""`/graphql`."""

from datetime import timedelta
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.exceptions import ConnectionRejectionError
from strawberry.fastapi import GraphQLRouter
from strawberry.fastapi.router import HTTPException  # type: ignore[attr-defined]  # the one of `cross_web`, which strawberry raises
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.unset import UNSET, UnsetType

from api.errors import CODES, Problem, reply
from api.graphql.context import Context
from api.graphql.schema import schema
from api.rest.route import see_at_least


async def signed_in(connection: HTTPConnection) -> Context:
    context = Context(connection)
    if connection.scope["type"] == "http":
        await context.sign_in()
        await see_at_least(context.services, connection.headers.get("x-min-position", ""))
    return context


class Router(GraphQLRouter[Context, None]):
    def parse_json(self, data: str | bytes) -> Any:
        """Strawberry takes for granted that it is text in UTF-8, not nested without end, and an object or a list."""
        try:
            content = self.decode_json(data)
        except (ValueError, RecursionError) as error:
            raise HTTPException(400, "the body is not acceptable JSON") from error
        if not isinstance(content, dict | list):
            raise HTTPException(400, "the body must be a JSON object")
        return content

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        try:
            await context.sign_in()
        except Problem as error:
            raise ConnectionRejectionError from error
        return UNSET

    async def run(self, request: Request | WebSocket, context: Context = UNSET, root_value: None = UNSET) -> Response | WebSocket:  # type: ignore[override]
        try:
            return await super().run(request, context, root_value)
        except HTTPException as error:
            return reply(error.status_code, CODES.get(error.status_code, "INVALID_REQUEST"), error.reason, {})


def router() -> Router:
    return Router(schema, "/graphql", graphql_ide=None, allow_queries_via_get=False, context_getter=signed_in, max_subscriptions_per_connection=50,
                  subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,), connection_init_wait_timeout=timedelta(seconds=10))
