"""A statement of one row, ready to be done in memory: which columns get which of its parameters, and whether the database would take them.

What is folded away is never seen by the database. So a value that it might refuse is refused here (Unfit), and the facts go the long way, one by one.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from operator import itemgetter

from projections.engine.shapes import KINDS, Constant, Kind, Parameter, Simple, Table

Values = tuple[object, ...]
RANGES = {"int": 2**31, "bigint": 2**63}


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

    def rows(self, parameters: Mapping[str, object]) -> Iterator[tuple[object, Values]]:
        """Key and values of each row that the statement touches. Raises Unfit."""
        values = self.values(parameters)
        found = tuple(map(type, values))
        if found not in self.known:
            self._must_fit(found)
        for place, good in self.careful:
            if not good(values[place]):
                raise Unfit(f"{self.table.name} may not take {values[place]!r}")
        if self.each is None:
            yield must_be_key(self.key(parameters)), values
        else:
            for key in dict.fromkeys(must_be_list(parameters[self.each])):
                yield must_be_key(key), values

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
    kind = table.types[column]
    if column in table.words:
        return partial(is_one_of, table.words[column])
    if kind in RANGES:
        return partial(is_below, RANGES[kind])
    return {"text": is_text, "text[]": are_texts, "float8": is_number, "timestamptz": has_zone}.get(kind)


def is_one_of(words: frozenset[str], value: object) -> bool:
    return value is None or value in words


def is_below(bound: int, value: object) -> bool:
    return value is None or isinstance(value, int) and -bound <= value < bound


def is_text(value: object) -> bool:
    return value is None or "\0" not in str(value)


def are_texts(value: object) -> bool:
    return value is None or isinstance(value, list) and all(type(each) is str and "\0" not in each for each in value)


def is_number(value: object) -> bool:
    return value is None or isinstance(value, float) and math.isfinite(value)


def has_zone(value: object) -> bool:
    return value is None or isinstance(value, datetime) and value.tzinfo is not None


def must_be_key(key: object) -> object:
    parts = key if isinstance(key, tuple) else (key,)
    if not all(type(part) is str and "\0" not in part or type(part) is int for part in parts):
        raise Unfit(f"{key!r} is no key")
    return key


def must_be_list(value: object) -> list[object]:
    if type(value) is not list:
        raise Unfit(f"{value!r} is no list of keys")
    return value
