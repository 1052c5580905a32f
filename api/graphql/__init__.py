"""GraphQL for the UI: questions over HTTP, live changes over WebSocket, behind the same token as REST."""

from api.graphql.mount import router

__all__ = ["router"]
