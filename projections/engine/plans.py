"""A statement of one row, ready to be done in memory: which columns get which of its parameters, and whether the database would take them.

What is folded away is never seen by the database. So a value that it might refuse is refused here (Unfit), and the facts go the long way, one by one.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any

from msgspec import Raw

from projections.engine.shapes import KINDS, Constant, Kind, Parameter, Simple, Table

Values = tuple[object, ...]
Picked = Callable[[Values], Sequence[Any]]
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
    all_places: tuple[int, ...]
    """And of those that get constants: the `fixed`."""
    fixed: Values
    written: frozenset[int]
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
    known: dict[tuple[type, ...], tuple[Picked, Picked, Picked]] = field(default_factory=dict)
    """Types that were found good before, and where texts, numbers and times are among them."""

    def fit(self, parameters: Mapping[str, object]) -> Values:
        """The values for `places`. Raises Unfit for one that the database might refuse."""
        values = self.values(parameters)
        found = tuple(map(type, values))
        texts, numbers, times = self.known.get(found) or self._must_fit(found)
        if "\0" in "".join(texts(values)):
            raise Unfit(f"{self.table.name} cannot hold a null character")
        for number in numbers(values):
            if not -BIGGEST <= number < BIGGEST:
                raise Unfit(f"{self.table.name} cannot hold {number!r}")
        for time in times(values):
            if time.tzinfo is None:
                raise Unfit(f"{self.table.name} cannot hold {time!r}: it has no zone")
        for place, good in self.careful:
            if values[place] is not None and not good(values[place]):
                raise Unfit(f"{self.table.name} may not hold {values[place]!r}")
        return values

    def all_fit(self, rows: Sequence[Values]) -> None:
        """The same for many rows of values, a column at a time. Raises Unfit."""
        careful = dict(self.careful)
        for place, column in enumerate(zip(*rows, strict=True)):
            kinds = set(map(type, column))
            self._kinds_fit(place, kinds)
            if str in kinds and "\0" in "".join(column if len(kinds) == 1 else filter(None, column)):
                raise Unfit(f"{self.table.name} cannot hold a null character")
            if int in kinds and not all(-BIGGEST <= number < BIGGEST for number in column if number is not None):
                raise Unfit(f"{self.table.name} cannot hold a number as large")
            if datetime in kinds and not all(time is None or time.tzinfo for time in column):
                raise Unfit(f"{self.table.name} cannot hold a time without a zone")
            if place in careful and not all(value is None or careful[place](value) for value in column):
                raise Unfit(f"{self.table.name} may not hold what is in its {place}. column")

    def keys(self, parameters: Mapping[str, object]) -> Sequence[object]:
        """Of the rows that the statement touches. Raises Unfit."""
        if self.each is None:
            key = self.key(parameters)
            return (key,) if type(key) is str and "\0" not in key else (must_be_key(key),)
        return [must_be_key(key) for key in dict.fromkeys(must_be_list(parameters[self.each]))]

    def _must_fit(self, found: tuple[type, ...]) -> tuple[Picked, Picked, Picked]:
        for place, kind in enumerate(found):
            self._kinds_fit(place, (kind,))
        self.known[found] = picked(found, str), picked(found, int), picked(found, datetime)
        return self.known[found]

    def _kinds_fit(self, place: int, kinds: Iterable[type]) -> None:
        wanted, required = self.kinds[place], self.required[place]
        for kind in kinds:
            if kind is not wanted and not (kind is Raw and wanted is dict) and (required or kind is not type(None)):
                raise Unfit(f"{self.table.name} is written with {kind.__name__} where it holds {wanted.__name__}")


def plan_of(simple: Simple) -> Plan:
    table, columns = simple.table, list(simple.table.types)
    named = {column: value.name for column, value in simple.values.items() if isinstance(value, Parameter)}
    constants = {column: value.value for column, value in simple.values.items() if isinstance(value, Constant)}
    careful = [(place, good) for place, column in enumerate(named) if (good := care_of(table, column))]
    return Plan(
        kind=simple.kind, table=table,
        places=tuple(map(columns.index, named)),
        constants=tuple((columns.index(column), value) for column, value in constants.items()),
        all_places=tuple(map(columns.index, (*named, *constants))),
        fixed=tuple(constants.values()),
        written=frozenset(map(columns.index, simple.values)),
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


def picked(found: tuple[type, ...], kind: type) -> Picked:
    """Of values of the types `found` those of one kind."""
    places = [place for place, each in enumerate(found) if each is kind]
    if len(places) == 1:
        return lambda values: (values[places[0]],)
    return itemgetter(*places) if places else lambda values: ()


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


CARE: dict[str, Callable[[object], bool]] = {"int": is_int, "text[]": are_texts, "float8": is_number}


def must_be_key(key: object) -> object:
    for part in key if type(key) is tuple else (key,):
        if type(part) is not int and (type(part) is not str or "\0" in part):
            raise Unfit(f"{key!r} is no key")
    return key


def must_be_list(value: object) -> list[object]:
    if type(value) is not list:
        raise Unfit(f"{value!r} is no list of keys")
    return value
