"""What a statement of `queries.sql` does to which row, where that can be told from its words: then many of them can be written at once.

Understood are `insert … values`, the same with `on conflict … do update`, `update … where <key>` and `delete … where <key>`, as far as every
value is a parameter or a literal and the condition names one row (or, by `= any(…)`, several) by the table's primary key. Anything else is
Opaque: it runs as it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

CREATE = re.compile(r"create table if not exists (\w+) \((.*?)\n\)", re.DOTALL)
CREATED = re.compile(r"create table if not exists (\w+)")
COLUMN = re.compile(r'^  (\w+) ([\w\[\]]+)( collate "C")?( primary key)?( not null)?')
KEY = re.compile(r"^  primary key \(([\w, ]+)\)", re.MULTILINE)
WORDS = re.compile(r"^  (\w+) [^,]*? check \(\1 in \(([^)]*)\)\)", re.MULTILINE)
NOT_COLUMNS = ("primary", "unique", "check", "constraint", "foreign", "exclude")
STRANGE = re.compile(r"\b(default|unique|references|exclude|generated|constraint|serial)\b|check \((?!\w+ in \()", re.IGNORECASE)
GENERATED = re.compile(r"\n  \w+ [^\n]*? generated always as \(.*?\) stored", re.DOTALL)

INSERT = re.compile(r"insert into (\w+) \(([\w, ]+)\) values \((.*?)\)(?: on conflict( \([\w, ]+\))? do (nothing|update set .*))?")
UPDATE = re.compile(r"update (\w+) set (.*) where (.*?)")
DELETE = re.compile(r"delete from (\w+) where (.*?)")
PARAMETER = re.compile(r"%\((\w+)\)s")
EACH = re.compile(r"any\(%\((\w+)\)s\)")
TABLE = re.compile(r"(?:insert into|update|delete from) (\w+)")
LITERALS: dict[str, object] = {"null": None, "true": True, "false": False, "'{}'": []}
KINDS: dict[str, type] = {
    "text": str, "uuid": UUID, "timestamptz": datetime, "boolean": bool, "int": int, "bigint": int, "float8": float, "json": dict, "text[]": list,
}
"""What a column of each type is written with: of other types nothing is known here."""


@dataclass(frozen=True)
class Table:
    """As its `create table` says."""

    name: str
    types: Mapping[str, str]
    """By column, in order."""
    required: frozenset[str]
    key: tuple[str, ...]
    words: Mapping[str, frozenset[str]]
    """The texts that a column may hold, where it says so."""
    plain: bool
    """It has nothing else that a row could be refused for, and no defaults."""


@dataclass(frozen=True)
class Parameter:
    name: str
    each: bool = False
    """A list: one row for each of its elements."""


@dataclass(frozen=True)
class Constant:
    value: object


Value = Parameter | Constant
Kind = Literal["insert", "upsert", "update", "delete"]


@dataclass(frozen=True)
class Simple:
    """One row, named by its table's key."""

    kind: Kind
    table: Table
    key: Mapping[str, Parameter]
    values: Mapping[str, Value]
    """By column; of an insert with those of the key."""
    again: frozenset[str] = frozenset()
    """Of an upsert: the columns that are written where the row is there already, with the same values."""

    @property
    def bound(self) -> dict[str, str]:
        """As of an Opaque."""
        values = self.values.items() if self.kind in ("insert", "upsert") else self.key.items()
        return {column: value.name for column, value in values if isinstance(value, Parameter) and not value.each}


@dataclass(frozen=True)
class Opaque:
    """It runs as it is: of one row (`key`) after what came before there, else after all that came before it in its table."""

    table: str
    key: Mapping[str, Parameter] | None
    bound: Mapping[str, str]
    """Columns of which each row that it touches has the value of a parameter, and that parameter: statements with other values touch other rows."""
    reads: frozenset[str] = frozenset()
    """Other tables of the projection that it looks into."""


Shape = Simple | Opaque


def tables_of(sql: str) -> dict[str, Table]:
    known = {name: table(name, body) for name, body in CREATE.findall(sql)}
    return {name: known.get(name) or Table(name, {}, frozenset(), (), {}, plain=False) for name in CREATED.findall(sql)}


def table(name: str, body: str) -> Table:
    body = GENERATED.sub("", re.sub(r"--.*", "", body))
    found = [match for line in body.split("\n") if (match := COLUMN.match(line)) and match[1] not in NOT_COLUMNS]
    together = KEY.search(body)
    key = tuple(together[1].split(", ")) if together else tuple(match[1] for match in found if match[4])
    words = {column: frozenset(re.findall(r"'([^']*)'", listed)) for column, listed in WORDS.findall(body)}
    plain = bool(key) and not STRANGE.search(body) and body.count("check (") == len(words) and all(match[2] in KINDS for match in found)
    return Table(name, {match[1]: match[2] for match in found}, frozenset(key) | {match[1] for match in found if match[5]}, key, words, plain)


def shape_of(statement: str, tables: Mapping[str, Table]) -> Shape:
    """Raises ValueError for a statement that writes none of the tables."""
    words = " ".join(re.sub(r"--.*", "", statement).split()).replace("( ", "(").replace(" )", ")").removesuffix(";")
    named = TABLE.match(words)
    target = tables.get(named[1]) if named else None
    if target is None or ";" in words:
        raise ValueError(f"a statement must write one of the projection's tables: {words[:60]}")
    if "select" in words:
        return looking_around(words, target, tables)
    return shape_in(words, target)


def looking_around(words: str, target: Table, tables: Mapping[str, Table]) -> Opaque:
    """It depends on what other rows hold."""
    found = frozenset(name for name in tables if re.search(rf"\b(from|join) {name}\b", words.removeprefix("delete from")))
    shape = Opaque(target.name, None, {}) if target.name in found or " from " in words.partition("(select")[0] else shape_in(words, target)
    return Opaque(target.name, shape.key if isinstance(shape, Opaque) else None, {}, found - {target.name})


def shape_in(words: str, target: Table) -> Shape:
    if match := INSERT.fullmatch(words):
        return insert(target, match[2], match[3], match[4], match[5])
    if match := UPDATE.fullmatch(words):
        return update(target, match[2], match[3])
    if match := DELETE.fullmatch(words):
        return delete(target, match[2])
    return Opaque(target.name, None, {})


def insert(target: Table, columns: str, listed: str, conflict: str | None, then: str | None) -> Shape:
    values = dict(zip(columns.split(", "), map(value_of, parts(listed)), strict=True))
    bound = {column: value.name for column, value in values.items() if isinstance(value, Parameter)}
    key = {column: Parameter(bound[column]) for column in target.key if column in bound}
    opaque = Opaque(target.name, key if tuple(key) == target.key and then is None else None, bound if then is None else {})
    sure = sure_values(target, values)
    if sure is None or len(key) < len(target.key) or not target.required <= set(values):
        return opaque
    if then is None:
        return Simple("insert", target, key, sure)
    aim = tuple((conflict or "").strip(" ()").split(", ")) if conflict else target.key
    again = {} if then == "nothing" else assignments(then.removeprefix("update set "))
    if aim == target.key and all(text == f"excluded.{column}" or is_same(text, sure.get(column)) for column, text in again.items()):
        return Simple("upsert", target, key, sure, frozenset(again))
    return Opaque(target.name, key if aim == target.key else None, {})


def is_same(text: str, value: Value | None) -> bool:
    return isinstance(value, Constant) and value_of(text) == value


def update(target: Table, changes: str, where: str) -> Shape:
    values = {column: value_of(text) for column, text in assignments(changes).items()}
    key, sure = key_of(where, target), sure_values(target, values)
    if key is not None and sure is not None and not set(values) & set(target.key):
        return Simple("update", target, key, sure)
    if set(values) & set(target.key):
        return Opaque(target.name, None, {})
    bound = {column: name for column, name in bound_by(where).items() if column not in values}
    return Opaque(target.name, None if key is None or any(part.each for part in key.values()) else key, bound)


def delete(target: Table, where: str) -> Shape:
    key = key_of(where, target)
    return Simple("delete", target, key, {}) if key is not None and target.plain else Opaque(target.name, None, bound_by(where))


def sure_values(target: Table, values: Mapping[str, Value | None]) -> dict[str, Value] | None:
    """None: some are more than a parameter or a literal, or the table is more than its columns."""
    found = {column: value for column, value in values.items() if value is not None and column in target.types}
    fits = all(fitting(value, target.types[column], column in target.required) for column, value in found.items())
    return found if target.plain and fits and len(found) == len(values) else None


def fitting(value: Value, kind: str, required: bool) -> bool:
    if isinstance(value, Parameter):
        return True
    return not required if value.value is None else type(value.value) is KINDS[kind]


def key_of(where: str, target: Table) -> dict[str, Parameter] | None:
    """The parameters of the key, in its order; None where the condition is another."""
    conditions = dict(condition.partition(" = ")[::2] for condition in where.split(" and "))
    found = {column: parameter for column, text in conditions.items() if (parameter := parameter_of(text))}
    if set(found) != set(target.key) or len(found) < len(where.split(" and ")):
        return None
    if len(found) > 1 and any(parameter.each for parameter in found.values()):
        return None
    return {column: found[column] for column in target.key}


def parameter_of(text: str) -> Parameter | None:
    if match := EACH.fullmatch(text):
        return Parameter(match[1], each=True)
    return Parameter(match[1]) if (match := PARAMETER.fullmatch(text)) else None


def bound_by(where: str) -> dict[str, str]:
    if " or " in where:
        return {}
    conditions = [condition.partition(" = ")[::2] for condition in where.split(" and ")]
    return {column: match[1] for column, text in conditions if (match := PARAMETER.fullmatch(text))}


def assignments(text: str) -> dict[str, str]:
    return {column: value for part in parts(text) for column, _, value in [part.partition(" = ")]}


def parts(text: str) -> list[str]:
    """Split at the commas that stand in no parentheses."""
    found, depth = [""], 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == "," and not depth:
            found.append("")
        else:
            found[-1] += char
    return [part.strip() for part in found]


def value_of(text: str) -> Value | None:
    """None: it is neither a parameter nor a literal."""
    if match := PARAMETER.fullmatch(text):
        return Parameter(match[1])
    if text in LITERALS:
        return Constant(LITERALS[text])
    if re.fullmatch(r"\d+", text):
        return Constant(int(text))
    return Constant(text[1:-1]) if re.fullmatch(r"'[^']*'", text) else None
