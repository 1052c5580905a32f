"""What is sent down a line, and what becomes of the answer: see `projections.engine.lines`."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import DataError, OperationalError
from psycopg.pq.abc import PGresult

Read = Callable[[PGresult, "Prepared"], "Found | None"]
"""None where there is nothing to read. Raises what the server says."""


@dataclass(frozen=True)
class Found:
    names: tuple[str, ...]
    rows: list[tuple[Any, ...]]


@dataclass
class Prepared:
    """A statement as one connection knows it."""

    name: bytes
    names: tuple[str, ...] = ()
    """Of its columns, as soon as it has been answered."""
    error: Exception | None = None
    """Why the server would not take it."""


class Question:
    """A statement's values, and somebody who waits."""

    def __init__(self, statement: str, values: Sequence[object]) -> None:
        self.statement, self.values = statement, values
        loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[Found] = loop.create_future()
        self.began = loop.time()
        self.prepared = Prepared(b"")
        self._found: Found | None = None
        self._error: Exception | None = None

    def take(self, result: PGresult, read: Read) -> None:
        try:
            self._found = read(result, self.prepared)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is raised where it was asked for
            self._error = self._error or error

    def end(self) -> None:
        """Everything that belongs to it has come."""
        if error := self.prepared.error or self._error:
            self.fail(error)
        elif self._found is None:
            self.fail(OperationalError("the server had no answer"))
        elif not self.answer.done():
            self.answer.set_result(self._found)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


@dataclass
class Aside:
    """A statement that is prepared, or forgotten: nobody waits for that alone."""

    prepared: Prepared
    began: float

    def take(self, result: PGresult, read: Read) -> None:
        try:
            read(result, self.prepared)
        except Exception as error:  # noqa: BLE001  # it is raised for who asks the statement
            self.fail(error)

    def end(self) -> None:
        """Who asks is behind it."""

    def fail(self, error: Exception) -> None:
        self.prepared.error = error


def as_text(value: object, encoding: str) -> bytes:
    """As the server reads it where it knows the type by the place. Raises DataError, and UnicodeEncodeError for what is no character."""
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, datetime):
        return value.isoformat().encode()
    if not isinstance(value, int | str):
        raise DataError(f"a list cannot be asked for by a {type(value).__name__}")
    text = str(value).encode(encoding)
    if b"\0" in text:
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return text
