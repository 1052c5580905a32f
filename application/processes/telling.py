"""Telling the log what came of an attempt: until it takes it, and in words that can be stored."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from application.house import Contended, Done
from application.ports.executor import Outcome
from application.ports.log import LogUnavailable
from application.tasks.reports import Holding, Reports
from domain.errors import DomainError

logger = logging.getLogger(__name__)
AGAIN = 1.0
"""Seconds between tries."""


class Telling:
    """Each word is one command with an id of its own, so that telling it again changes nothing."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    async def ended(self, held: Holding, outcome: Outcome) -> None:
        """An end that cannot be stored as it is, is told in other words: an attempt without an end would be taken up again for ever."""
        try:
            await self._tell(held, outcome)
        except Exception as error:
            logger.exception("the end of %s cannot be recorded", held.task.key)
            await self._tell(held, Outcome("failed", f"it ended as {outcome.state}, and that cannot be recorded: {str(error)!a}"))

    async def stopped(self, held: Holding, seen: bool, message: str) -> None:
        """`seen`: nothing runs any more."""
        await self._patiently(lambda: self._reports.cancelled(held, seen, message))

    async def out_of_sight(self, held: Holding, reason: str) -> None:
        """A notice, no end: whoever looks must not fail for want of it."""
        try:
            await self._patiently(lambda: self._reports.lose_sight(held, reason))
        except DomainError as error:
            logger.warning("%s is out of sight, which could not be noted: %s", held.task.key, error)

    async def _tell(self, held: Holding, outcome: Outcome) -> None:
        if outcome.state == "succeeded":
            await self._patiently(lambda: self._reports.succeed(held, outcome.result))
        else:
            await self._patiently(lambda: self._reports.fail(held, outcome.error or f"ended as {outcome.state}", outcome.result))

    @staticmethod
    async def _patiently(report: Callable[[], Awaitable[Done]]) -> None:
        """The outcome must not be lost because the database is away; whoever waits for us to end cuts it short."""
        while True:
            try:
                await report()
                return
            except (LogUnavailable, Contended) as error:
                logger.warning("the log does not take it yet, reporting again: %s", error)
                await asyncio.sleep(AGAIN)
