"""Many statements about the rows of a table, done in memory as far as they can be.

All that is said of one row becomes one thing to do, with the last values; different rows may go in any order, many at a time.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from projections.engine.plans import Plan, Values
from projections.engine.shapes import Kind, Table
from projections.engine.steps import Many, Step, copied, deleted, updated, upserted

Parameters = dict[str, object]


@dataclass(slots=True)
class Row:
    """What is to be done with one row. `values` by place: all of them, or of an update those that change."""

    kind: Kind
    values: dict[int, object]
    again: frozenset[int] = frozenset()


@dataclass(slots=True)
class Level:
    """What is done at once: rows, each in its place, and then statements about single rows, as they are."""

    rows: dict[object, Row] = field(default_factory=dict)
    statements: defaultdict[bytes, list[Parameters]] = field(default_factory=lambda: defaultdict(list))


class Fold:
    """Of one table. What cannot become one thing to do with its row goes to the row's next level, behind all that is on the levels before."""

    def __init__(self, table: Table, steps: list[Step]) -> None:
        self.table, self.steps = table, steps
        self._rows: dict[object, Row] = {}
        self._levels: list[Level] = []
        self._depth: dict[object, int] = {}

    def do(self, plan: Plan, parameters: Parameters) -> None:
        """Raises Unfit."""
        values = plan.fit(parameters)
        for key in plan.keys(parameters):
            row = self._rows.get(key)
            if row is None:
                self._rows[key] = Row(plan.kind, dict(zip(plan.all_places, values + plan.fixed)), plan.again)  # noqa: B905  # one for each
            elif plan.kind == "update":
                self._change(plan, row, values)
            elif not self._folded(plan, key, row, values):
                self._rows[key] = Row(plan.kind, dict(zip(plan.all_places, values + plan.fixed)), plan.again)  # noqa: B905

    def _change(self, plan: Plan, row: Row, values: Values) -> None:
        if row.kind != "delete":
            row.values.update(zip(plan.all_places, values + plan.fixed))  # noqa: B905
        if row.kind == "upsert":
            row.again |= plan.written

    def _folded(self, plan: Plan, key: object, row: Row, values: Values) -> bool:
        """False: what is known of the row comes first, or not at all, and the statement then begins anew."""
        if plan.kind == "upsert" and row.kind in ("insert", "upsert"):
            new = dict(zip(plan.all_places, values + plan.fixed))  # noqa: B905
            row.values.update((place, new[place]) for place in plan.again)
            row.again |= plan.again
            return True
        if plan.kind != "delete" or row.kind == "insert":  # a row that is there already must be refused before it is gone
            self._down(key)
        return False

    def as_it_is(self, key: object, statement: bytes, parameters: Parameters) -> None:
        """A statement about this row alone."""
        self._down(key).statements[statement].append(parameters)

    def _down(self, key: object) -> Level:
        """What there is about the row is on its level; what comes will be on the next one."""
        depth = self._depth.get(key, 0)
        self._depth[key] = depth + 1
        level = self._level(depth)
        if key in self._rows:
            level.rows[key] = self._rows.pop(key)
        return level

    def _level(self, depth: int) -> Level:
        while len(self._levels) <= depth:
            self._levels.append(Level())
        return self._levels[depth]

    def flush(self) -> None:
        """Let everything come now."""
        for key, row in self._rows.items():
            self._level(self._depth.get(key, 0)).rows[key] = row
        for level in self._levels:
            self.steps += steps_of(self.table, level.rows)
            self.steps += (Many(statement, parameters) for statement, parameters in level.statements.items())
        self._rows, self._levels, self._depth = {}, [], {}


def steps_of(table: Table, rows: Mapping[object, Row]) -> Iterable[Step]:
    """Different rows: in any order."""
    inserts: list[list[object]] = []
    upserts: defaultdict[frozenset[int], list[dict[int, object]]] = defaultdict(list)
    updates: defaultdict[frozenset[int], list[tuple[object, dict[int, object]]]] = defaultdict(list)
    deletes: list[object] = []
    places = tuple(range(len(table.types)))
    for key, row in rows.items():
        if row.kind == "insert":
            inserts.append(list(map(row.values.get, places)))
        elif row.kind == "upsert":
            upserts[row.again].append(row.values)
        elif row.kind == "update":
            updates[frozenset(row.values)].append((key, row.values))
        else:
            deletes.append(key)
    if deletes:
        yield deleted(table, deletes)
    if inserts:
        yield copied(table, places, inserts)
    yield from (upserted(table, tuple(sorted(again)), found) for again, found in upserts.items())
    yield from (updated(table, tuple(sorted(changed)), found) for changed, found in updates.items())
