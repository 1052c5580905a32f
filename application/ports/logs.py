"""The port for task logs: lines in order, numbered from 1 in each attempt. Logs are not events; they have a storage of their own."""

from typing import Literal, Protocol

Level = Literal["info", "warn", "error"]


class TaskLog(Protocol):
    """The open log of one attempt. `line` never waits: lines are stored in chunks, a fraction of a second later."""

    def line(self, message: str, level: Level = "info", offset: int | None = None) -> None:
        """Append a line (no trailing newline). `offset`: how far the source was read, in the source's own unit, once this line is stored."""

    @property
    def offset(self) -> int:
        """The highest stored or given `offset`, 0 at first: where a follower of the source goes on after a restart."""


class TaskLogs(Protocol):
    async def open(self, task: str, attempt: int, mask: tuple[str, ...] = (), fresh: bool | None = None) -> TaskLog:
        """Open the log of an attempt, or reopen it after a crash: the numbering goes on, and a line tells that lines may be missing.
        `mask`: values that are stored as `********` wherever they occur. `fresh`: nobody has had this attempt before, so nothing is looked
        for, and nothing is stored before the first line; False: somebody has, and lines may be missing even where none is stored; None: the
        store itself knows."""

    async def close(self, log: TaskLog) -> None:
        """Store what is left, then the closing count and digest. A second close is a no-op."""
