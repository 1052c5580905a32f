"""How many rows there are, without counting them: beside a table stands one of counts, which the table itself keeps by triggers.

Whoever writes the table, a row or a thousand at a time, changes the counts in the same statement; so a replay comes to the same counts, and
`projections check` compares them as any other table. A count of nothing has no row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CREATE = """
create table if not exists {counts} (
  counted smallint not null,  -- by which columns: the others are empty in its rows
  {columns},
  n bigint not null,
  primary key (counted, {names})
) with (fillfactor = 50);
create or replace function {function}() returns trigger language plpgsql set search_path from current set enable_hashjoin = off
    set enable_mergejoin = off set enable_seqscan = off as $count$
begin
  if tg_op = 'INSERT' then
    insert into {counts} as c {delta_come}
    on conflict (counted, {names}) do update set n = c.n + excluded.n;
  elsif tg_op = 'UPDATE' then
    if exists (select {names}, ({shown}) from come except all select {names}, ({shown}) from gone) then  -- seldom
      with delta as materialized ({delta_both}), {merge}
    end if;
  else
    with delta as materialized ({delta_gone}), {merge}
  end if;
  return null;
end $count$;
create or replace trigger counted_in after insert on {table} referencing new table as come for each statement execute function {function}();
create or replace trigger counted_over after update on {table} referencing old table as gone new table as come
  for each statement execute function {function}();
create or replace trigger counted_out after delete on {table} referencing old table as gone for each statement execute function {function}();
"""
DELTA = """select d.*, sum(t.n) as n from ({rows}) t cross join lateral (values {values}) d (counted, {names})
    group by {numbers} having sum(t.n) <> 0"""
ROWS = "select {names}, {sign} as n from {source} where {shown}"
MERGE = """nothing as (delete from {counts} c using delta d where {same} and c.n + d.n = 0 returning {key})
    insert into {counts} as c select * from delta d where ({of_d}) not in (select * from nothing)
    on conflict (counted, {names}) do update set n = c.n + excluded.n;"""


@dataclass(frozen=True)
class Counted:
    """A table whose rows are counted."""

    table: str
    by: tuple[tuple[str, ...], ...]
    """Sets of text columns. For rows asked for by some columns the first set that has them all is added up: let it be a small one."""
    shown: str = "true"
    """The condition for a row to count, over its columns."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the table of counts, in the order of its key: first those of the later, larger sets."""
        return tuple(reversed(dict.fromkeys(column for columns in self.by for column in columns)))

    def total(self, asked: Iterable[str]) -> str | None:
        """The condition, over the counts `t`, for those that add up to the total of rows asked for by these columns; None where rows are not
        counted so."""
        wanted = set(asked)
        for number, columns in enumerate(self.by):
            if wanted <= set(columns):
                return " and ".join([f"t.counted = {number}", *(f"t.{name} = ''" for name in self.columns if name not in columns)])
        return None

    @property
    def counts(self) -> str:
        return f"{self.table}_counts"

    @property
    def create(self) -> str:
        """SQL that makes the counts and binds them to the table; both are found by the search path, as it is then, for ever. Made again over
        tables that have been moved to another schema, it binds them there."""
        key = ["counted", *self.columns]
        names, of_d = ", ".join(self.columns), ", ".join(f"d.{name}" for name in key)
        merge = MERGE.format(counts=self.counts, names=names, of_d=of_d, key=", ".join(f"c.{name}" for name in key),
                             same=" and ".join(f"c.{name} = d.{name}" for name in key))
        columns = ",\n  ".join(f'{name} text collate "C" not null' for name in self.columns)
        return CREATE.format(
            table=self.table, shown=self.shown, counts=self.counts, function=f"count_{self.table}", columns=columns, names=names, merge=merge,
            delta_come=self._delta(come=1), delta_gone=self._delta(gone=-1), delta_both=self._delta(come=1, gone=-1))

    def _delta(self, **signs: int) -> str:
        """What a statement changes, from the rows that came and the rows that went."""
        names = ", ".join(self.columns)
        rows = " union all ".join(ROWS.format(names=names, sign=sign, source=source, shown=self.shown) for source, sign in signs.items())
        values = ", ".join(self._value(number, columns) for number, columns in enumerate(self.by))
        return DELTA.format(rows=rows, values=values, names=names, numbers=", ".join(str(n + 1) for n in range(len(self.columns) + 1)))

    def _value(self, number: int, columns: Sequence[str]) -> str:
        return f"({number}::smallint, {', '.join(f't.{name}' if name in columns else EMPTY for name in self.columns)})"


EMPTY = "''::text"
