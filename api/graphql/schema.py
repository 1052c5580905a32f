"""Questions and subscriptions."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Annotated

import strawberry
from graphql import GraphQLError
from strawberry.extensions import MaxAliasesLimiter, MaxTokensLimiter, QueryDepthLimiter, SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from api.graphql.places import Change, Environment, change, environment
from api.graphql.types import Deployment, DeploymentPage, DeploymentStatus, Info, deployment
from api.live import deployment_changes
from api.moment import DESCRIPTION
from api.reading import CHANGES, ENVIRONMENTS, PLAIN_DEPLOYMENTS

At = Annotated[str | None, strawberry.argument(description=DESCRIPTION)]
DEEPEST, MOST_TOKENS, MOST_ALIASES = 8, 2000, 15


@strawberry.type
class Query:
    @strawberry.field
    async def deployments(self, info: Info, status: DeploymentStatus | None = None, environment_id: strawberry.ID | None = None,
                          version_id: strawberry.ID | None = None, page: int = 1, page_size: int = 20, after: str | None = None) -> DeploymentPage:
        """Newest first; `after` takes the `next` of an earlier answer."""
        found = await info.context.page(PLAIN_DEPLOYMENTS, phase=status.value if status else None, environment_id=environment_id,
                                        version_id=version_id, page=page, page_size=page_size, after=after)
        return DeploymentPage(deployments=[deployment(row) for row in found.rows], total=found.total, page=page, page_size=page_size, next=found.next)

    @strawberry.field
    async def deployment(self, info: Info, id: strawberry.ID, at: At = None) -> Deployment:
        """Log lines are not facts: with `at` there are none."""
        return deployment(await info.context.at(PLAIN_DEPLOYMENTS, id, at), past=bool(at))

    @strawberry.field
    async def environment(self, info: Info, id: strawberry.ID, at: At = None) -> Environment:
        return environment(await info.context.at(ENVIRONMENTS, id, at))

    @strawberry.field
    async def change(self, info: Info, id: strawberry.ID, at: At = None) -> Change:
        return change(await info.context.at(CHANGES, id, at))


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def deployment_changed(self, info: Info, id: strawberry.ID) -> AsyncIterator[Deployment]:
        """The deployment now, and each time it or one of its tasks has changed."""
        await info.context.one(PLAIN_DEPLOYMENTS, id)
        async for position in deployment_changes(info.context.services, id, 0, info.context.authorization):
            if position is not None:
                yield deployment(await info.context.one(PLAIN_DEPLOYMENTS, id))


class Codes(SchemaExtension):
    """Every error has REST's code; those of the question itself (its syntax, its size, its names) are the asker's."""

    def on_operation(self) -> Iterator[None]:
        yield
        for error in getattr(self.execution_context.result, "errors", None) or ():
            if "code" not in (error.extensions or {}):
                error.extensions = {"code": "INTERNAL_ERROR" if unforeseen(error) else "INVALID_REQUEST"}
                error.message = "something went wrong here" if unforeseen(error) else error.message


def unforeseen(error: GraphQLError) -> bool:
    return error.original_error is not None and not isinstance(error.original_error, GraphQLError)


def printed(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


DATETIME = strawberry.scalar(name="DateTime", serialize=printed, parse_value=datetime.fromisoformat)


class Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """A refusal is an answer, not an incident: what nobody foresaw has been logged where it was met."""


schema = Schema(
    query=Query, subscription=Subscription, config=StrawberryConfig(scalar_map={datetime: DATETIME}),
    extensions=[lambda: QueryDepthLimiter(DEEPEST), lambda: MaxTokensLimiter(MOST_TOKENS), lambda: MaxAliasesLimiter(MOST_ALIASES), Codes])
