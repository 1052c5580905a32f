"""Steps of a write, each over many rows of one table or many runs of one statement; and their SQL. What they send is ready when they are made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from projections.engine.connections import Connection, encode
from projections.engine.packing import packed
from projections.engine.shapes import Table

Values = Mapping[int, object]
"""By the column's place in its table."""


@dataclass(slots=True)
class Copy:
    """New rows."""

    table: Table
    places: tuple[int, ...]
    """Of the columns that each row has, in its order."""
    rows: int
    data: bytes

    def run(self, conn: Connection) -> None:
        names = named(self.table, self.places)
        with conn.cursor() as cursor, cursor.copy(f"copy {self.table.name} ({', '.join(names)}) from stdin (format binary)".encode()) as to:
            to.write(self.data)


@dataclass(slots=True)
class Change:
    """A statement over many rows, and what it says of each, as JSON, which carries lists, nulls and documents in one parameter."""

    table: Table
    rows: int
    statement: bytes
    data: str

    def run(self, conn: Connection) -> None:
        conn.execute(self.statement, (self.data,))


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


Step = Copy | Change | Many


def perform(conn: Connection, steps: Sequence[Step]) -> None:
    for step in steps:
        step.run(conn)


def copied(table: Table, places: tuple[int, ...], rows: Sequence[Sequence[object]]) -> Copy:
    """Rows are new. Raises ValueError for what the columns cannot hold."""
    return Copy(table, places, len(rows), packed([table.types[name] for name in named(table, places)], rows))


def upserted(table: Table, again: tuple[int, ...], rows: Sequence[Values]) -> Change:
    """Rows are new, or get the columns `again` where they are there."""
    columns = list(table.types)
    statement = upsert_of(table.name, tuple(table.types.items()), table.key, again)
    return change(table, statement, [{columns[place]: value for place, value in row.items()} for row in rows])


def updated(table: Table, places: tuple[int, ...], rows: Sequence[tuple[object, Values]]) -> Change:
    """Of rows, by key, the columns `places` change."""
    columns = list(table.types)
    statement = update_of(table.name, tuple(table.types.items()), table.key, places)
    return change(table, statement, [key_row(table, key) | {columns[place]: value for place, value in values.items()} for key, values in rows])


def deleted(table: Table, keys: Sequence[object]) -> Change:
    return change(table, delete_of(table.name, tuple(table.types.items()), table.key), [key_row(table, key) for key in keys])


def change(table: Table, statement: bytes, rows: Sequence[Mapping[str, object]]) -> Change:
    return Change(table, len(rows), statement, encode(rows).decode())


def named(table: Table, places: Sequence[int]) -> list[str]:
    columns = list(table.types)
    return [columns[place] for place in places]


def key_row(table: Table, key: object) -> dict[str, object]:
    return dict(zip(table.key, key if isinstance(key, tuple) else (key,), strict=True))


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
