"""Lists: filtered, newest first, by page or by cursor, with an exact total. One row is asked for in the same words."""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from domain.errors import Invalid
from projections.engine.counting import Counted

Row = dict[str, Any]
Page = tuple[list[Row], int, str | None]
"""The rows, how many there are in all, and the cursor behind the last row (None at the end)."""
Filter = tuple[str, object]
"""A condition over `t` with one `%s`, and its value; None: not asked for."""
Parameters = Sequence[object] | Mapping[str, object]
DEEPEST = 10_000
COLUMN = re.compile(r"t\.(\w+) = %s")


def same(row: Row) -> Row:
    return row


@dataclass(frozen=True)
class View:
    """Rows of one table `t`, with what is joined to them."""

    name: str
    """In the list's cursors."""
    table: str
    columns: str
    joins: str = ""
    shown: str = "true"
    """The condition for being there at all."""
    key: tuple[str, ...] = ("t.created_position",)
    """The order, highest first. Never the same for two rows."""
    tidy: Callable[[Row], Row] = same
    """The last touch to a row."""
    counted: Counted | None = None
    """Who knows totals without counting."""

    async def page(self, pool: AsyncConnectionPool, filters: Iterable[Filter], page: int, page_size: int, after: str | None) -> Page:
        """`page` counts from 1; `after` (a cursor) goes before it. Raises Invalid."""
        must_be_in_reach(page, page_size, after)
        asked = [(condition, value) for condition, value in filters if value is not None]
        where = " and ".join([self.shown, *(condition for condition, _ in asked)])
        values = [value for _, value in asked]
        beyond = cursor_from(after, self.name, len(self.key)) if after else None
        async with pool.connection() as conn:
            total = await count(conn, self._total([condition for condition, _ in asked]), values)
            found = await rows(conn, *self._query(where, values, page, page_size, beyond))
        last = found[page_size - 1]["cursor_key"] if len(found) > page_size else None
        return [self._row(row) for row in found[:page_size]], total, cursor_of(self.name, last) if last else None

    def _total(self, conditions: Sequence[str]) -> str:
        """The query for how many rows meet them: added up from the counts where there are some for these columns."""
        columns = [found[1] if (found := COLUMN.fullmatch(condition)) else "" for condition in conditions]
        known = self.counted.total(columns) if self.counted else None
        if self.counted is None or known is None:
            return f"select count(*) from {self.table} t where {' and '.join([self.shown, *conditions])}"
        return f"select coalesce(sum(t.n), 0) as count from {self.counted.counts} t where {' and '.join([known, *conditions])}"

    async def one(self, pool: AsyncConnectionPool, id: str, column: str = "id") -> Row | None:
        found = await self.some(pool, [(f"t.{column} = %s", id)], limit=1)
        return found[0] if found else None

    async def some(self, pool: AsyncConnectionPool, filters: Sequence[Filter], *, order: str = "", limit: int | None = None) -> list[Row]:
        """All rows that match, newest first unless `order` says otherwise."""
        where = " and ".join([self.shown, *(condition for condition, _ in filters)])
        query = self._select(where, order or self._order, "limit %s")
        async with pool.connection() as conn:
            return [self._row(row) for row in await rows(conn, query, [*(value for _, value in filters), limit])]

    @property
    def _order(self) -> str:
        return ", ".join(f"{key} desc" for key in self.key)

    def _query(self, where: str, values: list[object], page: int, page_size: int, beyond: list[int] | None) -> tuple[str, list[object]]:
        if beyond is None:
            return self._select(where, self._order, "limit %s offset %s"), [*values, page_size + 1, (page - 1) * page_size]
        where += f" and ({', '.join(self.key)}) < ({', '.join(['%s'] * len(self.key))})"
        return self._select(where, self._order, "limit %s"), [*values, *beyond, page_size + 1]

    def _select(self, where: str, order: str, limit: str) -> str:
        """The page is cut out of the table first: joins see its rows only."""
        return f"""
            select {self.columns}, array[{', '.join(self.key)}]::bigint[] as cursor_key
              from (select * from {self.table} t where {where} order by {order} {limit}) t {self.joins}
             order by {order}"""

    def _row(self, row: Row) -> Row:
        del row["cursor_key"]
        return self.tidy(in_utc(row))


def must_be_in_reach(page: int, page_size: int, after: str | None) -> None:
    if page < 1:
        raise Invalid("pages count from 1", field="page")
    if not 1 <= page_size <= 100:
        raise Invalid("page_size is from 1 to 100", field="page_size")
    if not after and page * page_size > DEEPEST:
        raise Invalid(f"page reaches {DEEPEST} rows deep: go on with after=<next>", field="page")


def cursor_of(name: str, key: Sequence[int]) -> str:
    return base64.urlsafe_b64encode(":".join([name, *map(str, key)]).encode()).decode().rstrip("=")


def cursor_from(cursor: str, name: str, size: int) -> list[int]:
    try:
        found, *key = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split(":")
        numbers = [int(part) for part in key]
    except (binascii.Error, ValueError):
        found, numbers = "", []
    if found != name or len(numbers) != size or any(abs(number) >= 2**63 for number in numbers):
        raise Invalid(f"this is no cursor of the list of {name}: take `next` of an answer", field="after")
    return numbers


async def count(conn: AsyncConnection, query: str, values: Sequence[object]) -> int:
    return int((await rows(conn, query, values))[0]["count"])


async def rows(conn: AsyncConnection, query: str, values: Parameters) -> list[Row]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(query.encode(), values)).fetchall()


async def fetch(pool: AsyncConnectionPool, query: str, parameters: Parameters = ()) -> list[Row]:
    """The rows of any other question."""
    async with pool.connection() as conn:
        return [in_utc(row) for row in await rows(conn, query, parameters)]


def in_utc(row: Row) -> Row:
    """Times as UTC, whatever the connection's time zone is."""
    for key, value in row.items():
        if isinstance(value, datetime):
            row[key] = value.astimezone(UTC)
    return row
