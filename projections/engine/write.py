"""Facts into tables: many at once where nothing is wrong with them, else fact by fact, and what cannot be taken is kept aside."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, groupby
from operator import attrgetter, itemgetter

import psycopg

from domain.recorded import Recorded, Unreadable
from projections.engine.collecting import nothing_collected
from projections.engine.connections import Connection
from projections.engine.plans import Unfit
from projections.engine.projection import Parameters, Projection, Statement, without_nulls
from projections.engine.sheet import Sheet
from projections.engine.steps import Many, Step, perform

logger = logging.getLogger(__name__)
Record = Recorded | Unreadable
REFUSED = (psycopg.DataError, psycopg.IntegrityError, psycopg.ProgrammingError)
"""The database says that the content is wrong. Anything else (no connection, no time, no space) says nothing about the fact."""
UNFIT = (*REFUSED, Unfit, KeyError, TypeError, ValueError, OverflowError)
"""Many facts cannot be written at once for something that is in one of them: which one, the long way tells."""
FEW = 16
"""So many facts are not worth folding."""
QUARANTINE = b"""
insert into quarantine (projection, position, stream, topic, error, at)
values (%(projection)s, %(position)s, %(stream)s, %(topic)s, %(error)s, %(at)s)"""


@dataclass(slots=True)
class Effect:
    """What one fact means for one projection: statements, or why there are none."""

    projection: Projection
    record: Record
    statements: list[Statement]
    poison: str = ""


@dataclass(slots=True)
class Prepared:
    """A batch, and what it means."""

    batch: Sequence[Record]
    projections: Sequence[Projection]
    steps: list[Step] | None = None
    """None: they are few, or cannot be done many at once."""
    poisoned: int = 0
    """How many (projection, fact) the steps put into quarantine."""


def prepare(projections: Sequence[Projection], batch: Sequence[Record], *, few: int = FEW) -> Prepared:
    """All that can be done without the database; in any thread."""
    if len(batch) > few:
        with nothing_collected():
            try:
                return Prepared(batch, projections, *folded(projections, batch))
            except UNFIT as error:
                logger.debug("%d facts cannot be written at once: %s", len(batch), error)
    return Prepared(batch, projections)


def write(conn: Connection, projections: Sequence[Projection], batch: Iterable[Record], *, few: int = FEW) -> int:
    """Bring the batch into the tables, inside the caller's transaction; return how many (projection, fact) were put into quarantine.
    Raises what the database raises for reasons that are not the facts' own."""
    return write_prepared(conn, prepare(projections, list(batch), few=few), few=few)


def write_prepared(conn: Connection, prepared: Prepared, *, few: int = FEW) -> int:
    """The same."""
    if prepared.steps is not None:
        try:
            with conn.transaction():
                perform(conn, prepared.steps)
            return prepared.poisoned
        except UNFIT as error:
            logger.debug("%d facts are written in halves: %s", len(prepared.batch), error)
    found = effects(prepared.projections, prepared.batch)
    if len(prepared.batch) <= few:
        return write_few(conn, found)
    with nothing_collected():
        return write_halves(conn, found, few)


def write_effects(conn: Connection, found: Sequence[Effect], few: int) -> int:
    """Many are folded first. Where that does not go well it is tried with the halves, until the fault is among a few."""
    if len(found) <= few:
        return write_few(conn, found)
    try:
        with conn.transaction():
            perform(conn, steps_of(found))
        return sum(bool(effect.poison) for effect in found)
    except UNFIT as error:
        logger.debug("%d effects are written in halves: %s", len(found), error)
    return write_halves(conn, found, few)


def write_halves(conn: Connection, found: Sequence[Effect], few: int) -> int:
    half = len(found) // 2
    return write_effects(conn, found[:half], few) + write_effects(conn, found[half:], few)


def folded(projections: Sequence[Projection], batch: Sequence[Record]) -> tuple[list[Step], int]:
    """As `steps_of` all effects, but none is kept: what is dealt with at once is still at hand. And how many are poison. Raises Unfit."""
    drafts = [Draft(projection) for projection in projections]
    concerned = cache(lambda kind: [(draft.projection.project, draft) for draft in drafts if kind in draft.projection.handles])
    for record in batch:
        if isinstance(record, Unreadable):
            for draft in drafts:
                draft.add(effect_on(draft.projection, record))
            continue
        for project, draft in concerned(type(record.event)):
            try:
                statements = project(record)
            except Exception:  # noqa: BLE001  # said again, in words, by what follows
                draft.add(effect_on(draft.projection, record))
                continue
            for name, parameters in statements:
                draft.put(name, parameters)
    return list(chain.from_iterable(draft.steps() for draft in drafts)), sum(len(draft.aside) for draft in drafts)


class Draft:
    """What is to be done for one projection."""

    def __init__(self, projection: Projection) -> None:
        self.projection, self._sheet = projection, Sheet(projection)
        self.put = self._sheet.put
        self.aside: list[Parameters] = []

    def add(self, effect: Effect) -> None:
        if effect.poison:
            self.aside.append(kept_aside(effect, effect.poison))
        for name, parameters in effect.statements:
            self.put(name, parameters)

    def steps(self) -> list[Step]:
        return self._sheet.steps() + ([Many(QUARANTINE, self.aside)] if self.aside else [])


def steps_of(found: Sequence[Effect]) -> list[Step]:
    """Raises Unfit."""
    steps: list[Step] = []
    for _, group in groupby(found, attrgetter("projection.name")):
        draft = None
        for effect in group:
            draft = draft or Draft(effect.projection)
            draft.add(effect)
        steps += draft.steps() if draft else ()
    return steps


def write_few(conn: Connection, found: Sequence[Effect]) -> int:
    try:
        with conn.transaction(), conn.pipeline():
            write_at_once(conn, found)
        return sum(bool(effect.poison) for effect in found)
    except REFUSED as error:
        logger.warning("a batch was refused and is written fact by fact: %s", explain(error))
        return sum(write_alone(conn, effect) for effect in found)


def effects(projections: Sequence[Projection], batch: Iterable[Record]) -> list[Effect]:
    """Projection by projection, each in the log's order: no projection reads another's tables."""
    concerned = cache(lambda kind: tuple(place for place, projection in enumerate(projections) if kind in projection.handles))
    found: list[list[Effect]] = [[] for _ in projections]
    for record in batch:
        for place in range(len(found)) if isinstance(record, Unreadable) else concerned(type(record.event)):
            found[place].append(effect_on(projections[place], record))
    return list(chain.from_iterable(found))


def effect_on(projection: Projection, record: Record) -> Effect:
    if isinstance(record, Unreadable):
        if projection.unreadable is None:
            return Effect(projection, record, [], f"cannot be read: {record.error}")
        return Effect(projection, record, projection.unreadable(record))
    try:
        return Effect(projection, record, projection.project(record))
    except Exception as error:  # noqa: BLE001  # whatever a projection trips over, the others go on
        return Effect(projection, record, [], explain(error))


def write_at_once(conn: Connection, found: Sequence[Effect]) -> None:
    """Neighbours of one name go together: it halves the time that the driver takes."""
    with conn.cursor() as cursor:
        for statement, group in groupby(sql_of(found), itemgetter(0)):
            cursor.executemany(statement, [parameters for _, parameters in group])


def sql_of(found: Iterable[Effect]) -> Iterator[tuple[bytes, Parameters]]:
    for effect in found:
        if effect.poison:
            yield QUARANTINE, kept_aside(effect, effect.poison)
        for name, parameters in effect.statements:
            yield effect.projection.statements[name], parameters


def write_alone(conn: Connection, effect: Effect) -> bool:
    """True if it went into quarantine."""
    poison = effect.poison
    if not poison:
        try:
            with conn.transaction():
                for name, parameters in effect.statements:
                    conn.execute(effect.projection.statements[name], parameters)
        except REFUSED as error:
            poison = explain(error)
    if poison:
        conn.execute(QUARANTINE, kept_aside(effect, poison))
        logger.error("%s at position %d is in quarantine: %s", effect.projection.name, effect.record.position, poison)
    return bool(poison)


def kept_aside(effect: Effect, error: str) -> Parameters:
    record = effect.record
    stream, topic = (record.stream, record.topic) if isinstance(record, Unreadable) else (record.event.stream, record.event.TOPIC)
    return {"projection": effect.projection.name, "position": record.position, "stream": stream, "topic": topic,
            "error": without_nulls(error)[:2000], "at": record.recorded_at}


def explain(error: Exception) -> str:
    """The same words whenever the same thing happens: a replay must come to the same row."""
    message = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return f"{type(error).__name__}: {message or error}"
