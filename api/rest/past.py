"""`at` of single things, and how an answer about the past says which moment it shows."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import BeforeValidator
from starlette.responses import Response

from api.moment import DESCRIPTION, moment
from api.reading import Row
from api.rest.call import shown

At = Annotated[int | datetime | None, BeforeValidator(moment), Query(description=DESCRIPTION)]
"""For a route's signature."""
HEADERS = {
    "ETag": {"description": "its version; with `at`: its version then", "schema": {"type": "string"}},
    "X-At-Position": {"description": "with `at`: the log's position then; for the same position the answer is always the same",
                      "schema": {"type": "integer"}}}
ANSWER: dict[int | str, dict[str, Any]] = {200: {"headers": HEADERS}}
"""For a route's `responses`."""


def shown_then(found: tuple[Row, int]) -> Response:
    row, position = found
    answer = shown(row)
    answer.headers["X-At-Position"] = str(position)
    return answer
