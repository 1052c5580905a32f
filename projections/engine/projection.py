"""A projection: what a fact means for some tables, as data."""

import hashlib
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from domain.event import Event
from domain.recorded import Recorded, Unreadable
from domain.registry import EVENTS
from projections.engine import named
from projections.engine.counting import Counted

Parameters = dict[str, object]
Statement = tuple[str, Parameters]
"""A statement of the projection's `queries.sql` and its parameters."""

ROOM = Path(__file__).parent.parent
FORM = b"2"
"""Of the rows, where the engine says it: documents are written without spaces from 2 on."""


@dataclass(frozen=True)
class Projection:
    name: str
    tables: str
    """SQL that creates its tables where they are missing. It names no schema: the search path says where."""
    statements: Mapping[str, bytes]
    project: Callable[[Recorded], list[Statement]]
    """Pure: the same fact gives the same statements, whatever happened before."""
    handles: frozenset[type[Event]]
    ignores: frozenset[type[Event]]
    """Together with `handles` every event there is: a new one is a decision, not an accident."""
    fingerprint: str
    """Changes when what the projection does changes: then its tables are made again."""
    unreadable: Callable[[Unreadable], list[Statement]] | None = None
    """For the projection that has a row even for what nobody can read."""
    counters: str = ""
    """SQL that keeps the counts of its table, where it has some, and its other triggers; to be run again where the tables have been moved to."""


def load(name: str) -> Projection:
    """The projection of the folder `projections/<name>`."""
    module = importlib.import_module(f"projections.{name}.project")
    folder = ROOM / name
    counted: Counted | None = getattr(module, "COUNTED", None)
    triggers = folder / "triggers.sql"
    counters = (counted.create if counted else "") + (triggers.read_text() if triggers.exists() else "")
    sources = [FORM, *((folder / file).read_bytes() for file in ("tables.sql", "queries.sql", "project.py")), counters.encode()]
    return Projection(
        name=name,
        tables=(folder / "tables.sql").read_text(),
        statements=named.read(folder / "queries.sql"),
        project=module.project,
        handles=frozenset(module.HANDLES),
        ignores=frozenset(module.IGNORES),
        fingerprint=hashlib.sha256(b"\0".join(sources)).hexdigest(),
        unreadable=getattr(module, "unreadable", None),
        counters=counters,
    )


def events_of(*aggregates: str) -> frozenset[type[Event]]:
    """Every event of these aggregates: what a projection that has nothing to do with them ignores."""
    return frozenset(event for event in EVENTS.values() if event.__module__.split(".")[1] in aggregates)


def row(recorded: Recorded, **more: object) -> Parameters:
    """The parameters that almost every statement needs: which thing, when, by whom, and where that stands in the log."""
    event = recorded.event
    return clean({"id": event.stream, "at": event.at, "by": event.by, "version": event.version, "position": recorded.position, **more})


def clean(found: Parameters) -> Parameters:
    """The same, as PostgreSQL's texts can hold it."""
    if "\0" in "".join([value for value in found.values() if type(value) is str]):
        return {name: without_nulls(value) if type(value) is str else value for name, value in found.items()}
    return found


def without_nulls(text: str) -> str:
    """PostgreSQL's texts cannot hold the null character; the words of a program that failed sometimes do."""
    return text.replace("\0", "\ufffd")
