"""Questions about task logs. A line is `{"seq", "timestamp", "level", "message"}`; seq counts from 1 in each attempt."""

from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg.rows import dict_row, tuple_row
from psycopg_pool import AsyncConnectionPool

Line = dict[str, Any]
decode = msgspec.json.Decoder(list[Line]).decode
CHUNKS_A_PAGE = 20
# From the chunk on that holds the next line: found in the index, however long the log is.
CHUNKS = """
select lines from ops.log_chunks
 where task_id = %(task)s and attempt = %(attempt)s
   and first_seq >= coalesce((
     select max(first_seq) from ops.log_chunks where task_id = %(task)s and attempt = %(attempt)s and first_seq <= %(after)s + 1), 0)
 order by first_seq limit %(chunks)s"""
ENDS = """
select task_id, attempt, lines, encode(digest, 'hex') as digest, coalesce(complete, false) as complete, closed_at
  from ops.log_ends where task_id = any(%s) order by task_id, attempt"""
LAST = """
select c.task_id, c.lines from unnest(%(tasks)s::text[]) t(id)
 cross join lateral (select attempt from ops.log_ends where task_id = t.id order by attempt desc limit 1) a
 cross join lateral (
   select first_seq + count as next from ops.log_chunks where task_id = t.id and attempt = a.attempt order by first_seq desc limit 1) l
 cross join lateral (
   select task_id, first_seq, lines from ops.log_chunks
    where task_id = t.id and attempt = a.attempt and first_seq >= l.next - %(n)s
    union all
   (select task_id, first_seq, lines from ops.log_chunks
     where task_id = t.id and attempt = a.attempt and first_seq < l.next - %(n)s order by first_seq desc limit 1)) c
 order by c.task_id, c.first_seq"""


async def last_attempt(pool: AsyncConnectionPool, task_id: str) -> int:
    """The newest attempt that has a log; 0 if there is none."""
    async with pool.connection() as conn, conn.cursor(row_factory=tuple_row) as cursor:
        row = await (await cursor.execute("select max(attempt) from ops.log_ends where task_id = %s", (task_id,))).fetchone()
    return int(row[0]) if row and row[0] else 0


async def lines(pool: AsyncConnectionPool, task_id: str, attempt: int | None = None, after_seq: int = 0, level: str | None = None,
                limit: int = 1000) -> list[Line]:
    """Up to `limit` lines behind `after_seq`, in order; of the newest attempt, unless one is named. `level`: only those lines."""
    attempt = attempt or await last_attempt(pool, task_id)
    found: list[Line] = []
    while len(found) < limit:
        place = {"task": task_id, "attempt": attempt, "after": after_seq, "chunks": CHUNKS_A_PAGE}
        async with pool.connection() as conn, conn.cursor(row_factory=tuple_row) as cursor:
            chunks = await (await cursor.execute(CHUNKS, place)).fetchall()
        read = [line for (chunk,) in chunks for line in decode(chunk) if line["seq"] > after_seq]
        if not read:
            break
        after_seq = read[-1]["seq"]
        found += [line for line in read if level is None or line["level"] == level]
    return found[:limit]


async def ends(pool: AsyncConnectionPool, task_ids: Sequence[str]) -> list[Line]:
    """One row an attempt: `task_id`, `attempt`, and once it is closed `lines`, `digest` (hex), `complete`, `closed_at`."""
    async with pool.connection() as conn, conn.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(ENDS, (list(task_ids),))).fetchall()


async def last_lines(pool: AsyncConnectionPool, task_ids: Sequence[str], n: int = 100) -> dict[str, list[Line]]:
    """The last `n` lines of each task's newest attempt; a task without any is left out."""
    async with pool.connection() as conn, conn.cursor(row_factory=tuple_row) as cursor:
        rows = await (await cursor.execute(LAST, {"tasks": list(task_ids), "n": n})).fetchall()
    found: dict[str, list[Line]] = {}
    for task_id, chunk in rows:
        found.setdefault(task_id, []).extend(decode(chunk))
    return {task_id: all_lines[-n:] for task_id, all_lines in found.items()}
