"""Questions about the past: from an instant to a position of the log, and to how a thing was then."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from api.database import Pool
from api.errors import Problem, unavailable
from api.services import Services
from domain.errors import NotFound
from projections.engine.listing import Row
from projections.travel.booth import NoTemporaryTables

PATIENCE = 5.0
"""Seconds that an answer waits for the read models."""
logger = logging.getLogger(__name__)
Question = Callable[[Pool, str], Awaitable[Row | None]]


async def how_it_was(services: Services, what: str, question: Question, id: str, at: int | datetime) -> tuple[Row, int]:
    """The row then, and the log's position then. Raises NotFound where there was none, Invalid for an instant that has not come, and
    Problem (503)."""
    try:
        position = await services.past.position_at(at)
        if not await services.positions.wait(position, PATIENCE):
            raise unavailable(f"the read models have not reached position {position} yet", position=services.positions.current)
        row = await services.past.ask(what, question, id, position) if "\0" not in id else None
    except TimeoutError:
        raise unavailable("the past could not be read in time: try again") from None
    except NoTemporaryTables as error:
        logger.error("questions about the past cannot be answered: %s", error)
        raise Problem(503, "questions about the past need temporary tables, and the database does not let the server make them: "
                           "grant temporary on database <name> to tiangong_server") from error
    if row is None:
        raise NotFound(f"there was no {what} {id} at position {position}")
    return row, position
