"""`page`, `page_size` and `after` of every list, and the shape of its answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from fastapi import Depends, Query
from starlette.responses import Response

from api import shapes
from api.kept import ListAnswer
from api.reading import Listing, Row


@dataclass(frozen=True)
class Paging:
    page: int
    page_size: int
    after: str | None

    @property
    def arguments(self) -> Mapping[str, Any]:
        return {"page": self.page, "page_size": self.page_size, "after": self.after}

    def answer(self, listing: Listing) -> Response:
        printed = {listing.name: [without_version(row) for row in listing.rows], "total": listing.total, "page": self.page,
                   "page_size": self.page_size, "next": listing.next}
        return ListResponse(ListAnswer(listing.action, msgspec.json.encode(printed)))


class ListResponse(Response):
    media_type = "application/json"

    def __init__(self, kept: ListAnswer) -> None:
        super().__init__(kept.body)
        self.kept = kept


async def paging(
    page: Annotated[int, Query(ge=1, le=10_000, description="from 1")] = 1,
    page_size: Annotated[int, Query(ge=1, le=100)] = 20,
    after: Annotated[str | None, Query(max_length=500, description="the `next` of an earlier answer; goes before `page`")] = None,
) -> Paging:
    """Not a plain function: FastAPI calls those in a thread of their own, which takes longer than this."""
    return Paging(page, page_size, after)


def without_version(row: Row) -> Row:
    """The row, changed: as it stands in a list."""
    row.pop("stream_version", None)
    return row


Pages = Annotated[Paging, Depends(paging)]
"""For a route's signature."""
Asked = Annotated[str | None, Query(max_length=1000)]
"""A filter."""


def snake_case(query: bytes) -> bytes:
    """A query string whose names may be in camelCase, with ours; what has no value is left out. Raises ValueError for control characters."""
    pairs = [(re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower(), shapes.clean(value)) for name, value in parse_qsl(query.decode("latin-1"))]
    return urlencode(pairs).encode()
