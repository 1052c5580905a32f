"""Steps of a write, each over many rows of one table or many runs of one statement; and their SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from projections.engine.connections import Connection, encode
from projections.engine.shapes import Table

Values = Mapping[int, object]
"""By the column's place in its table."""
COPIED = {"boolean": "bool", "int": "int4", "bigint": "int8", "json": "bytea"}
"""The driver's names of types, where they are others. A document is sent as its bytes."""


@dataclass(slots=True)
class Copy:
    """New rows. `places`: the columns that each has, in its order."""

    table: Table
    places: tuple[int, ...]
    rows: Sequence[Sequence[object]]

    def run(self, conn: Connection) -> None:
        columns = list(self.table.types)
        names = [columns[place] for place in self.places]
        types = [self.table.types[name] for name in names]
        with conn.cursor() as cursor, cursor.copy(f"copy {self.table.name} ({', '.join(names)}) from stdin (format binary)".encode()) as to:
            to.set_types([COPIED.get(kind, kind) for kind in types])
            documents = [place for place, kind in enumerate(types) if kind == "json"]
            for row in self.rows:
                to.write_row(with_documents(row, documents) if documents else row)


@dataclass(slots=True)
class Upsert:
    """Rows that are new, or get the columns `again` where they are there."""

    table: Table
    again: tuple[int, ...]
    rows: Sequence[Values]

    def run(self, conn: Connection) -> None:
        columns = list(self.table.types)
        conn.execute(upsert_of(self.table.name, tuple(self.table.types.items()), self.table.key, self.again),
                     (sent([{columns[place]: value for place, value in row.items()} for row in self.rows]),))


@dataclass(slots=True)
class Update:
    """Rows, by key, whose columns `places` change."""

    table: Table
    places: tuple[int, ...]
    rows: Sequence[tuple[object, Values]]

    def run(self, conn: Connection) -> None:
        columns = list(self.table.types)
        rows = [key_row(self.table, key) | {columns[place]: value for place, value in values.items()} for key, values in self.rows]
        conn.execute(update_of(self.table.name, tuple(self.table.types.items()), self.table.key, self.places), (sent(rows),))


@dataclass(slots=True)
class Delete:
    table: Table
    keys: Sequence[object]

    def run(self, conn: Connection) -> None:
        statement = delete_of(self.table.name, tuple(self.table.types.items()), self.table.key)
        conn.execute(statement, (sent([key_row(self.table, key) for key in self.keys]),))


@dataclass(slots=True)
class Many:
    """One statement, as it is, with these parameters, in order."""

    statement: bytes
    parameters: list[dict[str, object]]

    def run(self, conn: Connection) -> None:
        with conn.cursor() as cursor:
            if len(self.parameters) == 1:
                cursor.execute(self.statement, self.parameters[0])
            else:
                cursor.executemany(self.statement, self.parameters)


Step = Copy | Upsert | Update | Delete | Many


def perform(conn: Connection, steps: Sequence[Step]) -> None:
    for step in steps:
        step.run(conn)


def with_documents(row: Sequence[object], places: Sequence[int]) -> list[object]:
    found = list(row)
    for place in places:
        if found[place] is not None:
            found[place] = encode(found[place])
    return found


def key_row(table: Table, key: object) -> dict[str, object]:
    return dict(zip(table.key, key if isinstance(key, tuple) else (key,), strict=True))


def sent(rows: Sequence[Mapping[str, object]]) -> str:
    """As JSON, which carries lists, nulls and documents in one parameter."""
    return encode(rows).decode()


Types = tuple[tuple[str, str], ...]


@cache
def update_of(table: str, types: Types, key: tuple[str, ...], places: tuple[int, ...]) -> bytes:
    names = [types[place][0] for place in places]
    changes = ", ".join(f"{name} = b.{name}" for name in names)
    return f"update {table} t set {changes} from {source(types, {*key, *names})} where {on(key)}".encode()


@cache
def upsert_of(table: str, types: Types, key: tuple[str, ...], again: tuple[int, ...]) -> bytes:
    names = [name for name, _ in types]
    then = "update set " + ", ".join(f"{types[place][0]} = excluded.{types[place][0]}" for place in again) if again else "nothing"
    return (f"insert into {table} ({', '.join(names)}) select {', '.join(f'b.{name}' for name in names)} from {source(types, set(names))}"
            f" on conflict ({', '.join(key)}) do {then}").encode()


@cache
def delete_of(table: str, types: Types, key: tuple[str, ...]) -> bytes:
    return f"delete from {table} t using {source(types, set(key))} where {on(key)}".encode()


def source(types: Types, names: set[str]) -> str:
    return f"json_to_recordset(%s) as b({', '.join(f'{name} {kind}' for name, kind in types if name in names)})"


def on(key: tuple[str, ...]) -> str:
    return " and ".join(f"t.{name} = b.{name}" for name in key)
