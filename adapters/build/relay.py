"""A log that outlives its reader: whoever follows a running job last gets its lines."""

from application.ports.logs import Level, TaskLog


class Relay:
    def __init__(self) -> None:
        self._log: TaskLog | None = None

    def to(self, log: TaskLog) -> None:
        self._log = log

    def end(self) -> None:
        self._log = None

    def line(self, message: str, level: Level = "info", offset: int | None = None) -> None:
        if self._log is not None:
            self._log.line(message, level, offset)

    @property
    def offset(self) -> int:
        return self._log.offset if self._log is not None else 0
