"""The facts of a batch as steps over many rows each: the tables are then as if each statement had run by itself, in order."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial

from projections.engine.fold import Fold
from projections.engine.plans import Plan, Values, plan_of
from projections.engine.projection import Parameters, Projection
from projections.engine.shapes import Opaque, Parameter, Shape, Simple, Table, shape_of, tables_of
from projections.engine.steps import Many, Step, copied


@dataclass(frozen=True)
class Compiled:
    """What is known of a projection's statements."""

    tables: Mapping[str, Table]
    statements: Mapping[str, bytes]
    shapes: Mapping[str, Plan | Opaque]
    apart: Mapping[str, str]
    """Statements that are only put in an order, and the parameter that tells apart those that commute."""
    growing: frozenset[str]
    """Statements that alone write their tables, new rows only."""


def compiled(projection: Projection) -> Compiled:
    return compile_(projection.tables, tuple(projection.statements.items()))


@cache
def compile_(sql: str, statements: tuple[tuple[str, bytes], ...]) -> Compiled:
    tables = tables_of(sql)
    shapes = {name: shape_of(statement.decode(), tables) for name, statement in statements}
    by_table: defaultdict[str, list[str]] = defaultdict(list)
    for name, shape in shapes.items():
        by_table[table_of(shape)].append(name)
    read = frozenset().union(*(shape.reads for shape in shapes.values() if isinstance(shape, Opaque)))
    apart: dict[str, str] = {}
    for table, names in by_table.items():
        if table not in read:
            apart |= told_apart({name: shapes[name] for name in names})
    growing = [names[0] for table, names in by_table.items() if table not in read and len(names) == 1 and is_growth(shapes[names[0]])]
    return Compiled(tables, dict(statements), {name: plan_of(shape) if isinstance(shape, Simple) else shape for name, shape in shapes.items()},
                    apart, frozenset(growing))


def table_of(shape: Shape | Plan) -> str:
    return shape.table if isinstance(shape, Opaque) else shape.table.name


def told_apart(shapes: Mapping[str, Shape]) -> dict[str, str]:
    """The statements of a table, where some of them cannot be done in memory and are not about one row, but each says the value of some column."""
    opaque = [shape for shape in shapes.values() if isinstance(shape, Opaque)]
    if all(shape.key for shape in opaque) or any(shape.reads for shape in opaque):
        return {}
    columns = [set(shape.bound) for shape in shapes.values()]
    shared = sorted(columns[0].intersection(*columns))
    return {name: shape.bound[shared[0]] for name, shape in shapes.items()} if shared else {}


def is_growth(shape: Shape) -> bool:
    return isinstance(shape, Simple) and shape.kind == "insert" and all(isinstance(value, Parameter) for value in shape.values.values())


class Sheet:
    """Of one projection. `put` its statements in order, then take the `steps`."""

    def __init__(self, projection: Projection) -> None:
        self._known = compiled(projection)
        self._steps: list[Step] = []
        self._folds = {name: Fold(table, self._steps) for name, table in self._known.tables.items()}
        self._new: defaultdict[str, list[Values]] = defaultdict(list)
        self._lanes: defaultdict[tuple[str, object], int] = defaultdict(int)
        self._levels: defaultdict[tuple[int, str], list[Parameters]] = defaultdict(list)
        self._ways = {name: self._way(name, shape) for name, shape in self._known.shapes.items()}

    def put(self, name: str, parameters: Parameters) -> None:
        """Raises Unfit."""
        self._ways[name](parameters)

    def _way(self, name: str, shape: Plan | Opaque) -> Callable[[Parameters], None]:
        if name in self._known.apart:
            return partial(self._line_up, table_of(shape), name)
        if isinstance(shape, Opaque):
            return partial(self._run, shape, name)
        if name in self._known.growing:
            values, add = shape.values, self._new[name].append
            return lambda parameters: add(values(parameters))
        return partial(self._folds[shape.table.name].do, shape)

    def _line_up(self, table: str, name: str, parameters: Parameters) -> None:
        """The n-th statement with this value goes behind all that are the n-1-th with theirs."""
        lane = (table, parameters[self._known.apart[name]])
        self._lanes[lane] += 1
        self._levels[self._lanes[lane], name].append(parameters)

    def _run(self, shape: Opaque, name: str, parameters: Parameters) -> None:
        fold, statement = self._folds[shape.table], self._known.statements[name]
        if shape.key is not None and not shape.reads:
            key = tuple(parameters[part.name] for part in shape.key.values())
            fold.as_it_is(key if len(key) > 1 else key[0], statement, parameters)
            return
        for table in shape.reads:
            self._folds[table].flush()
        fold.flush()
        last = self._steps[-1] if self._steps else None
        if isinstance(last, Many) and last.statement == statement:
            last.parameters.append(parameters)
        else:
            self._steps.append(Many(statement, [parameters]))

    def steps(self) -> list[Step]:
        """Raises Unfit, and ValueError for what cannot be sent."""
        for fold in self._folds.values():
            fold.flush()
        for name, rows in self._new.items():
            plan = self._known.shapes[name]
            assert isinstance(plan, Plan)
            if rows:
                plan.all_fit(rows)
                self._steps.append(copied(plan.table, plan.places, rows))
        self._steps += (Many(self._known.statements[name], self._levels[level, name]) for level, name in sorted(self._levels))
        return self._steps
