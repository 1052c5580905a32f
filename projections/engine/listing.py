"""Lists: filtered, newest first, by page or by cursor, with an exact total. One row is asked for in the same words."""

import base64
import binascii
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from domain.errors import Invalid
from projections.engine.counting import Counted
from projections.engine.json_values import register_json
from projections.engine.lines import Lines, at_once

Row = dict[str, Any]
Page = tuple[list[Row], int, str | None]
"""The rows, how many there are in all, and the cursor behind the last row (None at the end)."""
Filter = tuple[str, object]
"""A condition over `t` with one `%s`, and its value; None: not asked for."""
Parameters = Sequence[object] | Mapping[str, object]
DEEPEST = 10_000
register_json()
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
    filtered: tuple[str, ...] = ()
    """The same order of what is asked for by columns, in words that only those columns' indexes are made for: with the words of `key` the
    planner would rather walk from the newest on and leave out what does not match, which takes as long as the last match is old."""
    tidy: Callable[[Row], Row] = same
    """The last touch to a row."""
    counted: Counted | None = None
    """Who knows totals without counting."""

    async def page(self, pool: AsyncConnectionPool, filters: Iterable[Filter], page: int, page_size: int, after: str | None) -> Page:
        """`page` counts from 1; `after` (a cursor) goes before it. Raises Invalid."""
        must_be_in_reach(page, page_size, after)
        asked = [(condition, value) for condition, value in filters if value is not None]
        conditions, values = tuple(condition for condition, _ in asked), [value for _, value in asked]
        beyond = cursor_from(after, self.name, len(self.key)) if after else None
        skipped = 0 if beyond else (page - 1) * page_size
        bounds = beyond or ([skipped] if skipped else [])
        statement = self.statement(conditions, page_size + 1, by_cursor=beyond is not None, skips=skipped > 0)
        lines = Lines.of(pool)
        found = await lines.ask(statement, [*values, *values, *bounds])
        shown, more = found.rows[:page_size], len(found.rows) > page_size
        total = found.rows[0][-1] if found.rows else (await lines.ask(self.total(conditions), values)).rows[0][0]
        names = found.names[:-2]  # the last two are no part of a row
        return [self.tidy(dict(zip(names, row, strict=False))) for row in shown], int(total), cursor_of(self.name, shown[-1][-2]) if more else None

    @lru_cache(512)  # noqa: B019  # views live as long as the program
    def statement(self, conditions: tuple[str, ...], limit: int, *, by_cursor: bool, skips: bool = False) -> str:
        """The query for a page and its total, of one moment: values of the conditions, twice, then the cursor, or how many rows it skips.
        The limit stands in its words: only so is it known to a plan that is kept, and planning anew costs as much as reading the page."""
        key = self.filtered if self.filtered and any(map(COLUMN.fullmatch, conditions)) else self.key
        beyond = [f"({', '.join(key)}) < ({', '.join(['%s'] * len(key))})"] if by_cursor else []
        where, order = " and ".join([self.shown, *conditions, *beyond]), ", ".join(f"{part} desc" for part in key)
        more = f", array[{', '.join(self.key)}]::bigint[] as cursor_key, ({self.total(conditions)}) as total_rows"
        return self._select(where, order, f"limit {limit}" + (" offset %s" if skips else ""), more)

    def total(self, conditions: Sequence[str]) -> str:
        """The query for how many rows meet them: added up from the counts where there are some for these columns."""
        columns = [found[1] if (found := COLUMN.fullmatch(condition)) else "" for condition in conditions]
        known = self.counted.total(columns) if self.counted else None
        if self.counted is None or known is None:
            return f"select count(*) from {self.table} t where {' and '.join([self.shown, *conditions])}"
        return f"select coalesce(sum(t.n), 0)::bigint as count from {self.counted.counts} t where {' and '.join([known, *conditions])}"

    async def by_ids(self, pool: AsyncConnectionPool, ids: Sequence[str]) -> list[Row]:
        """Those of these ids, none of which has a space in it. The plan is kept for a second: it may have been made when the table was tiny."""
        query = self._select(f"{self.shown} and t.id = any(string_to_array(%s, ' '))", self._order, "")
        found = await Lines.of(pool).ask(f"{query} -- in second {int(time.monotonic())}", [" ".join(ids)])
        return [self.tidy(dict(zip(found.names, row, strict=True))) for row in found.rows]

    async def one(self, pool: AsyncConnectionPool, id: str, column: str = "id") -> Row | None:
        found = await self.some(pool, [(f"t.{column} = %s", id)], limit=1)
        return found[0] if found else None

    async def some(self, pool: AsyncConnectionPool, filters: Sequence[Filter], *, order: str = "", limit: int | None = None) -> list[Row]:
        """All rows that match, newest first unless `order` says otherwise."""
        where = " and ".join([self.shown, *(condition for condition, _ in filters)])
        query = self._select(where, order or self._order, "" if limit is None else f"limit {limit}")
        async with at_once(pool) as conn:
            return [self.tidy(row) for row in await rows(conn, query, [*(value for _, value in filters)])]

    @property
    def _order(self) -> str:
        return ", ".join(f"{key} desc" for key in self.key)

    def _select(self, where: str, order: str, limit: str, more: str = "") -> str:
        """The page is cut out of the table first: joins see its rows only."""
        return f"""
            select {self.columns}{more}
              from (select * from {self.table} t where {where} order by {order} {limit}) t {self.joins}
             order by {order}"""


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


async def rows(conn: AsyncConnection, query: str, values: Parameters) -> list[Row]:
    """Times are in UTC, whatever the connection's time zone is."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        found = await (await cursor.execute(query.encode(), values)).fetchall()
    return found if conn.info.parameter_status("TimeZone") == "UTC" else [in_utc(row) for row in found]


async def fetch(pool: AsyncConnectionPool, query: str, parameters: Parameters = ()) -> list[Row]:
    """The rows of any other question."""
    async with pool.connection() as conn:
        return await rows(conn, query, parameters)


def in_utc(row: Row) -> Row:
    for key, value in row.items():
        if isinstance(value, datetime):
            row[key] = value.astimezone(UTC)
    return row
