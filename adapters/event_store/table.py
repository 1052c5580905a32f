"""The log as a table for people: CSV with a header. It is for reading, not for verifying.

The cells are quoted here and not by `csv`, which looks at every character by itself and takes as long as everything else together.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from functools import lru_cache

import psycopg

from adapters.event_store.export import read, settled, wanted_told
from adapters.event_store.stored import Command, Stored
from adapters.event_store.telling import Told
from application.ports.audit import Wanted

HEADER = ("position", "timestamp", "user_id", "username", "action", "resource", "resource_id", "resource_version", "source_ip", "request_id",
          "command_id", "correlation_id", "causation_id", "recorded_at", "details")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would compute."""
SPECIAL = re.compile(r'[",\r\n]')


def table(conn: psycopg.Connection, wanted: Wanted, names: Mapping[str, str]) -> Iterator[bytes]:
    """The file, some rows at a time."""
    with closing(read(conn, settled(conn, wanted))) as found:
        yield from written(found, wanted.filter, names)


def written(found: Iterable[list[Stored]], chosen: dict[str, str], names: Mapping[str, str]) -> Iterator[bytes]:
    yield (",".join(HEADER) + "\r\n").encode()
    command, origin = None, ""
    for facts in found:
        rows: list[str] = []
        for fact in facts:
            if (told := wanted_told(fact, chosen)) is None:
                continue
            if fact.command is not command:
                command, origin = fact.command, asked(fact.command)
            rows.append(row(fact, told, names.get(told.by, told.by), origin))
        yield "".join(rows).encode()


def row(fact: Stored, told: Told, username: str, origin: str) -> str:
    """A line with its end. `origin`: see `asked`. What the program itself prints (numbers, times, details, which begin with a brace) is no
    formula."""
    return (f"{fact.position},{told.at.decode()},{cell(told.by)},{cell(username)},{kind(fact.topic)},{cell(fact.stream)},{fact.version},"
            f"{origin},{doubled(told.details.decode())}\r\n")


@lru_cache(1024)
def kind(topic: str) -> str:
    return f"{cell(topic)},{cell(topic.partition('.')[0])}"


def asked(command: Command) -> str:
    """The cells that all facts of a command share. Ids and times were printed by the database: nothing in them wants quotes."""
    return (f"{cell(command.source_ip)},{safe(command.request_id)},{command.id},{command.correlation},{command.causation or ''},"
            f"{command.recorded_at}")


def safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return quoted(harmless(text))


cell = lru_cache(1024)(safe)
"""The same for what comes again and again."""


def harmless(text: str) -> str:
    return "'" + text if text.startswith(FORMULA) else text


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if SPECIAL.search(text) else text


def doubled(details: str) -> str:
    """A JSON object that has a member has quotes in it; one that has none wants none."""
    return '"' + details.replace('"', '""') + '"' if '"' in details else details
