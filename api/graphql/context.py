"""One GraphQL request, or one connection: who asks, and the same way to the read models that REST has."""

import logging
from collections.abc import Awaitable, Mapping
from typing import TypeVar

from graphql import GraphQLError
from starlette.requests import HTTPConnection
from strawberry.dataloader import DataLoader
from strawberry.fastapi import BaseContext

from api.authentication import actor_of
from api.errors import CODES, Problem, status_and_code, unauthorized
from api.moment import moment
from api.reading import Kind, Listing, Reading, Row
from api.services import Services
from domain.errors import DomainError, Invalid

logger = logging.getLogger(__name__)
T = TypeVar("T")


class Context(BaseContext):
    def __init__(self, connection: HTTPConnection) -> None:
        super().__init__()
        self.connection = connection
        self.services: Services = connection.app.state.services
        self.authorization = connection.headers.get("authorization", "")
        self._reading: Reading | None = None
        self._tasks: DataLoader[str, list[Row]] = DataLoader(self._load_tasks, cache=False)
        self._lines: DataLoader[str, list[Row]] = DataLoader(self._load_lines, cache=False)

    async def sign_in(self) -> None:
        """Raises 401. A WebSocket's token may come with `connection_init`: browsers cannot set headers there."""
        given = self.connection_params if isinstance(self.connection_params, Mapping) else {}
        named = next((str(value) for key, value in given.items() if str(key).lower() == "authorization"), "")
        token = f"Bearer {given['token']}" if isinstance(given.get("token"), str) else ""
        self.authorization = named or token or self.authorization
        self._reading = Reading(self.services, await actor_of(self.services, self.authorization))

    @property
    def read(self) -> Reading:
        if self._reading is None:
            raise unauthorized()
        return self._reading

    async def one(self, kind: Kind, id: str) -> Row:
        return await told(self.read.one(kind, id))

    async def at(self, kind: Kind, id: str, at: str | None) -> Row:
        """How it was then; without an instant, how it is."""
        return await told(self._at(kind, id, at) if at else self.read.one(kind, id))

    async def _at(self, kind: Kind, id: str, at: str) -> Row:
        try:
            instant = moment(at)
        except ValueError as error:
            raise Invalid(str(error), field="at") from error
        return (await self.read.past(kind, id, instant))[0]

    async def page(self, kind: Kind, **asked: object) -> Listing:
        return await told(self.read.page(kind, **asked))

    async def tasks(self, deployment: str) -> list[Row]:
        return await told(self._tasks.load(deployment))

    async def last_lines(self, task: str) -> list[Row]:
        return await told(self._lines.load(task))

    async def _load_tasks(self, deployments: list[str]) -> list[list[Row]]:
        found = await self.read.tasks_of(deployments)
        return [found.get(id, []) for id in deployments]

    async def _load_lines(self, tasks: list[str]) -> list[list[Row]]:
        found = await self.read.last_lines(tasks)
        return [found.get(id, []) for id in tasks]


async def told(answer: Awaitable[T]) -> T:
    """The answer, or its error in GraphQL's words, with REST's code."""
    try:
        return await answer
    except Exception as error:
        raise in_words(error) from error


def in_words(error: Exception) -> GraphQLError:
    if isinstance(error, Problem):
        return GraphQLError(str(error.detail), extensions={"code": CODES[error.status_code], **error.details})
    found = status_and_code(error)
    if found is None:
        logger.error("a GraphQL question failed", exc_info=error)
        return GraphQLError("something went wrong here", extensions={"code": "INTERNAL_ERROR"})
    details = dict(error.details) if isinstance(error, DomainError) else {}
    return GraphQLError(error.message if isinstance(error, DomainError) else "try again", extensions={"code": found[1], **details})
