"""The short way for lists: from the path to the route's function, past the router, the exit stacks and the dependencies.

Nothing is decided here. The query is understood by the very fields that FastAPI made of the route's parameters; whatever is not plainly good
(a value that does not fit, a name twice, an unknown one in capitals) goes the long way from its beginning, and is answered there.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import Response

from api.rest.call import Call, call_of
from api.rest.paging import Paging, paging

Values = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A list in words that are understood."""

    paging: Paging
    filters: Values


class Fields:
    """The query's parameters of one function, by every spelling that they have at our doors."""

    def __init__(self, dependant: Dependant) -> None:
        self._fields = {spelling: field for field in dependant.query_params for spelling in (field.alias, to_camel(field.alias))}
        self._defaults = {field.name: field.default for field in dependant.query_params}

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    @property
    def unset(self) -> Values:
        return dict(self._defaults)

    def understand(self, name: str, text: str) -> tuple[str, Any] | None:
        field = self._fields[name]
        value, errors = field.validate(text, {}, loc=())
        return None if errors else (field.name, value)


class ListShortcut:
    def __init__(self, route: APIRoute) -> None:
        self.route, self._answer = route, route.endpoint
        self._filters = Fields(route.dependant)
        self._paging = Fields(next(part for part in route.dependant.dependencies if part.call is paging))

    @classmethod
    def of(cls, route: object) -> "ListShortcut | None":
        """Where the route takes the call, a page, and what stands in the query."""
        if not isinstance(route, APIRoute) or [part.call for part in route.dependant.dependencies] != [call_of, paging]:
            return None
        whole = route.dependant
        more = (whole.path_params, whole.header_params, whole.cookie_params, whole.body_params)
        return None if any(more) else cls(route)

    def understood(self, query: bytes) -> Asked | None:
        """None: not here."""
        page, filters = self._paging.unset, self._filters.unset
        seen = set[str]()
        for name, text in parse_qsl(query.decode("latin-1")):
            if not text.isprintable():
                return None
            fields, values = (self._paging, page) if name in self._paging else (self._filters, filters)
            if name not in fields:
                if name != name.lower():
                    return None
                continue  # it means nothing to anybody
            found = fields.understand(name, text)
            if found is None or found[0] in seen:
                return None
            seen.add(found[0])
            values[found[0]] = found[1]
        return Asked(Paging(**page), filters)

    async def answer(self, request: Request, asked: Asked) -> Response:
        response: Response = await self._answer(call=Call(request), pages=asked.paging, **asked.filters)
        return response


ListShortcuts = dict[str, ListShortcut]
"""By path. A list is added when it has been found the long way: there are no more than routes without parameters."""
