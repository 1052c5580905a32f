"""Finding a route quickly: the router asks each of its parts, and each part each of its routes; a part that cannot have it says so at once."""

from fastapi import APIRouter
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope


class Resource(APIRouter):
    """A router's routes, behind a look at the first name in the path (`versions` in `/versions/{id}`)."""

    def __init__(self, router: APIRouter, under: str) -> None:
        """`under`: the prefix it is included with."""
        super().__init__(routes=router.routes, tags=router.tags, dependencies=router.dependencies, route_class=router.route_class)
        self._under = len(under) + 1
        self._names = frozenset(map(first_name, router.routes))
        if any(not name or "{" in name for name in self._names):
            raise ValueError(f"a route of {router.tags} does not begin with a name")

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path: str = scope["path"]
        if path[self._under:].partition("/")[0] not in self._names:
            return Match.NONE, {}
        return super().matches(scope)


def first_name(route: BaseRoute) -> str:
    assert isinstance(route, Route)  # HTTP: a path and methods
    return route.path[1:].partition("/")[0]
