"""The operator's tools: they work beside a running server, or on a stopped HOME."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import psycopg

from adapters.event_store import export
from adapters.event_store.reading import read
from api.home import Home
from api.settings import Settings
from api.wiring.database import database
from api.wiring.upgrade import upgrade
from projections.catalogue import PROJECTIONS
from projections.engine.check import check
from projections.engine.rebuild import rebuild


def migrate_database(settings: Settings) -> None:
    with database(settings, Home(settings.home), empty=True) as conninfo:
        upgrade(conninfo)


def audit_export(settings: Settings, first: int, last: int | None, out: Path | None) -> None:
    """Write the log to a file, or to standard output; a file that was begun and not finished is not left behind."""
    with database(settings, Home(settings.home)) as conninfo, psycopg.connect(conninfo) as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        if out is None:
            write(export.export(conn, first, last), sys.stdout.buffer)
            return
        part = out.with_name(out.name + ".part")
        with part.open("wb") as file:
            write(export.export(conn, first, last), file)
        part.replace(out)


def write(lines: Iterator[bytes], to: BinaryIO) -> None:
    for line in lines:
        to.write(line)
    to.flush()


def audit_verify(path: Path) -> int:
    """0: the file is a whole piece of a log; 1: it is not, and the first bad position is printed."""
    with path.open("rb") as file:
        verdict = export.verify(file)
    print(f"verified: {verdict.message}" if verdict.bad is None else f"NOT verified: first bad position {verdict.bad}: {verdict.message}")
    return 0 if verdict.bad is None else 1


def projections_check(settings: Settings) -> int:
    with database(settings, Home(settings.home)) as conninfo:
        report = check(conninfo, read, PROJECTIONS)
    for table in report.tables:
        print(table)
    print(f"replayed {report.position} facts: " + ("every read model is what the log says" if report.ok else "NOT what the log says"))
    return 0 if report.ok else 1


def projections_rebuild(settings: Settings, names: list[str]) -> int:
    with database(settings, Home(settings.home)) as conninfo:
        done = rebuild(conninfo, read, PROJECTIONS, names or None)
    print(f"rebuilt {', '.join(done.projections)} from {done.position} facts; {done.quarantined} put aside")
    return 0
