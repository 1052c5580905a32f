"""A statement of one row, ready to be done in memory: which columns get which of its parameters, and whether the database would take them.

What is folded away is never seen by the database. So a value that it might refuse is refused here (Unfit), and the facts go the long way, one by one.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter

from projections.engine.shapes import KINDS, Constant, Kind, Parameter, Simple, Table

Values = tuple[object, ...]
BIGGEST, INT = 2**63, 2**31


class Unfit(Exception):
    """These facts cannot be written at once: nothing was written."""


@dataclass(frozen=True)
class Plan:
    kind: Kind
    table: Table
    places: tuple[int, ...]
    """Of the columns that get values, among the table's."""
    constants: tuple[tuple[int, object], ...]
    again: frozenset[int]
    values: Callable[[Mapping[str, object]], Values]
    """The parameters for `places`, in that order."""
    key: Callable[[Mapping[str, object]], object]
    each: str | None
    """The parameter that is a list of keys."""
    kinds: tuple[type, ...]
    required: tuple[bool, ...]
    careful: tuple[tuple[int, Callable[[object], bool]], ...]
    """Of which values more than their types must be looked at."""
    known: set[tuple[type, ...]] = field(default_factory=set)
    """Types that were found good before."""

    def fit(self, parameters: Mapping[str, object]) -> Values:
        """The values for `places`. Raises Unfit for one that the database might refuse."""
        values = self.values(parameters)
        found = tuple(map(type, values))
        if found not in self.known:
            self._must_fit(found)
        for value in values:
            kind = type(value)
            if (kind is str and "\0" in value) or (kind is int and not -BIGGEST <= value < BIGGEST):  # type: ignore[operator]  # its type was asked
                raise Unfit(f"{self.table.name} cannot hold {value!r}")
        for place, good in self.careful:
            if values[place] is not None and not good(values[place]):
                raise Unfit(f"{self.table.name} may not hold {values[place]!r}")
        return values

    def keys(self, parameters: Mapping[str, object]) -> Sequence[object]:
        """Of the rows that the statement touches. Raises Unfit."""
        if self.each is None:
            return (must_be_key(self.key(parameters)),)
        return [must_be_key(key) for key in dict.fromkeys(must_be_list(parameters[self.each]))]

    def _must_fit(self, found: tuple[type, ...]) -> None:
        for kind, wanted, required in zip(found, self.kinds, self.required, strict=True):
            if kind is not wanted and (required or kind is not type(None)):
                raise Unfit(f"{self.table.name} is written with {kind.__name__} where it holds {wanted.__name__}")
        self.known.add(found)


def plan_of(simple: Simple) -> Plan:
    table, columns = simple.table, list(simple.table.types)
    named = {column: value.name for column, value in simple.values.items() if isinstance(value, Parameter)}
    constants = {column: value.value for column, value in simple.values.items() if isinstance(value, Constant)}
    careful = [(place, good) for place, column in enumerate(named) if (good := care_of(table, column))]
    return Plan(
        kind=simple.kind, table=table,
        places=tuple(map(columns.index, named)),
        constants=tuple((columns.index(column), value) for column, value in constants.items()),
        again=frozenset(map(columns.index, simple.again)),
        values=picker(tuple(named.values())),
        key=key_picker([part.name for part in simple.key.values()]),
        each=next((part.name for part in simple.key.values() if part.each), None),
        kinds=tuple(KINDS[table.types[column]] for column in named),
        required=tuple(column in table.required for column in named),
        careful=tuple(careful))


def picker(names: tuple[str, ...]) -> Callable[[Mapping[str, object]], Values]:
    if len(names) > 1:
        return itemgetter(*names)  # a tuple, made by C
    return lambda parameters: tuple(parameters[name] for name in names)


def key_picker(names: list[str]) -> Callable[[Mapping[str, object]], object]:
    """One value, or several as a tuple."""
    return itemgetter(*names)


def care_of(table: Table, column: str) -> Callable[[object], bool] | None:
    if column in table.words:
        return table.words[column].__contains__
    return CARE.get(table.types[column])


def is_int(value: object) -> bool:
    return isinstance(value, int) and -INT <= value < INT


def are_texts(value: object) -> bool:
    return isinstance(value, list) and all(type(each) is str and "\0" not in each for each in value)


def is_number(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def has_zone(value: object) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None


CARE: dict[str, Callable[[object], bool]] = {"int": is_int, "text[]": are_texts, "float8": is_number, "timestamptz": has_zone}


def must_be_key(key: object) -> object:
    for part in key if type(key) is tuple else (key,):
        if type(part) is not int and (type(part) is not str or "\0" in part):
            raise Unfit(f"{key!r} is no key")
    return key


def must_be_list(value: object) -> list[object]:
    if type(value) is not list:
        raise Unfit(f"{value!r} is no list of keys")
    return value
