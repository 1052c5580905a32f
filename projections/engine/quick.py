"""The facts of a moment as few statements: rows that are new in one table, one behind the other, go together. One statement costs less than two,
and fires a table's triggers once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from operator import itemgetter

from projections.engine.connections import encode
from projections.engine.oneway import OneWay, Ready
from projections.engine.plans import Plan, plan_of
from projections.engine.projection import Parameters
from projections.engine.shapes import Constant, Simple, shape_of, tables_of
from projections.engine.steps import source
from projections.engine.write import QUARANTINE, Effect, kept_aside


@dataclass(frozen=True)
class Insert:
    """New rows of a table, told as JSON, which carries lists, nulls and documents in one parameter."""

    statement: bytes
    plan: Plan
    columns: tuple[str, ...]
    """That each row gets its values for."""
    constants: dict[str, object]

    def of(self, rows: Sequence[Parameters]) -> Ready:
        """Raises Unfit for a value that the database might refuse, or change."""
        fit, columns = self.plan.fit, self.columns
        told = [dict(zip(columns, fit(row), strict=True)) for row in rows]
        if self.constants:
            told = [row | self.constants for row in told]
        return Ready(self.statement, (encode(told),))


def statements_of(oneway: OneWay, found: Sequence[Effect]) -> Iterator[Ready]:
    """In their order. Raises Unfit, or what psycopg raises, for what can only be said the long way."""
    for (tables, statement), group in groupby(told(found), itemgetter(0, 1)):
        rows = [row for _, _, row in group]
        if insert := insert_of(tables, statement):
            yield insert.of(rows)
        else:
            yield from (oneway.ready(statement, row) for row in rows)


def told(found: Sequence[Effect]) -> Iterator[tuple[str, bytes, Parameters]]:
    """The projection's tables, a statement about them and its parameters."""
    for effect in found:
        if effect.poison:
            yield "", QUARANTINE, kept_aside(effect, effect.poison)
        tables, statements = effect.projection.tables, effect.projection.statements
        for name, parameters in effect.statements:
            yield tables, statements[name], parameters


@cache
def insert_of(tables: str, statement: bytes) -> Insert | None:
    """None where it is something else than a new row."""
    shape = shape_of(statement.decode(), tables_of(tables)) if tables else None
    if not isinstance(shape, Simple) or shape.kind != "insert":
        return None
    plan, columns = plan_of(shape), list(shape.table.types)
    constants = {column: value.value for column, value in shape.values.items() if isinstance(value, Constant)}
    values = tuple(columns[place] for place in plan.places)
    names = [column for column in columns if column in shape.values]
    text = f"insert into {shape.table.name} ({', '.join(names)}) select * from {source(tuple(shape.table.types.items()), set(names))}"
    return Insert(text.replace("%s", "$1").encode(), plan, values, constants)
