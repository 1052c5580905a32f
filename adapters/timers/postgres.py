"""Stored deadlines on PostgreSQL: a row a timer."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import msgspec
from psycopg_pool import AsyncConnectionPool

from application.ports.timers import Timer

SET = """
insert into ops.timers (id, stream, kind, due, tries) values (%s, %s, %s, %s, %s)
on conflict (id) do update set due = excluded.due, kind = excluded.kind, tries = excluded.tries"""

CHANGE = """
with gone as (delete from ops.timers where id = any (array(select jsonb_array_elements_text(%s::jsonb))))
insert into ops.timers (id, stream, kind, due, tries)
select * from jsonb_to_recordset(%s::jsonb) t(id text, stream text, kind text, due timestamptz, tries int)
on conflict (id) do update set due = excluded.due, kind = excluded.kind, tries = excluded.tries"""


class PostgresTimers:
    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    async def set(self, timer: Timer) -> None:
        async with self._pool.connection() as conn:
            await conn.execute(SET, (timer.id, timer.stream, timer.kind, timer.due, timer.tries))

    async def cancel(self, id: str) -> None:
        async with self._pool.connection() as conn:
            await conn.execute("delete from ops.timers where id = %s", (id,))

    async def change(self, set: Sequence[Timer], cancel: Collection[str]) -> None:
        async with self._pool.connection() as conn:
            await conn.execute(CHANGE, (text(list(cancel)), text(set)))

    async def due(self, now: datetime, limit: int = 100) -> list[Timer]:
        async with self._pool.connection() as conn:
            cursor = await conn.execute("select id, stream, kind, due, tries from ops.timers where due <= %s order by due limit %s", (now, limit))
            return [Timer(id, stream, kind, due.astimezone(UTC), tries) for id, stream, kind, due, tries in await cursor.fetchall()]

    async def next_due(self) -> datetime | None:
        async with self._pool.connection() as conn:
            row = await (await conn.execute("select min(due) from ops.timers")).fetchone()
        return row[0].astimezone(UTC) if row and row[0] else None


def text(many: object) -> str:
    """As JSON: psycopg looks at each element of a list before it sends it."""
    return msgspec.json.encode(many).decode()
