"""The log as a table for people: CSV with a header. It is for reading, not for verifying."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping

import psycopg

from adapters.event_store.export import Page, is_wanted, read, settled
from adapters.event_store.lines import Line, line
from application.ports.audit import Wanted

HEADER = ("position", "timestamp", "user_id", "username", "action", "resource", "resource_id", "resource_version", "source_ip", "request_id",
          "command_id", "correlation_id", "causation_id", "recorded_at", "details")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would compute."""


def table(conn: psycopg.Connection, wanted: Wanted, names: Mapping[str, str]) -> Iterator[bytes]:
    """The file, some rows at a time."""
    return written(read(conn, settled(conn, wanted)), wanted.filter, names)


def written(found: Iterable[Page], chosen: dict[str, str], names: Mapping[str, str]) -> Iterator[bytes]:
    yield rows([HEADER])
    for page in found:
        entries = map(line, page.rows)
        yield rows(cells(entry, names.get(entry.user_id, entry.user_id)) for entry in entries if is_wanted(entry, chosen))


def cells(entry: Line, username: str) -> list[str]:
    return [
        str(entry.position), *map(harmless, (
            entry.timestamp, entry.user_id, username, entry.action, entry.resource, entry.resource_id, str(entry.resource_version),
            entry.source_ip, entry.request_id, entry.command_id, entry.correlation_id, entry.causation_id or "", entry.recorded_at,
            bytes(entry.details).decode()))]


def harmless(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + text if text.startswith(FORMULA) else text


def rows(of: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(of)
    return text.getvalue().encode()
