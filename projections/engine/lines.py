"""Lists that are asked for at the same time go down one connection together: each question is sent as soon as it comes, whatever is under way
(libpq's pipeline mode), and the answers come back in that order. To take a connection of its own for each of them costs more than twice as
much, here and in the server.

Each is a transaction of its own, begun after it was asked for; what is wrong with one concerns no other. A line is a connection of the pool,
and goes back there when nobody has asked for a moment.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary, ref

from psycopg import AsyncConnection, Error, OperationalError
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from projections.engine.line import Line
from projections.engine.question import Found, Question

SHARE, DEEP = 4, 4
"""One connection of so many in the pool may be a line; another line is taken when there are so many questions in each."""
LINGER, PATIENCE = 0.2, 65.0
"""Seconds: after which an idle line goes back to the pool; and after which one is given up that does not answer (a little longer than the
server lets a statement run)."""
ERRORS = (Error, PoolTimeout, PoolClosed)
_of: "WeakKeyDictionary[AsyncConnectionPool, Lines]" = WeakKeyDictionary()


class Lines:
    """Of one pool, and so of one event loop."""

    def __init__(self, pool: AsyncConnectionPool, linger: float = LINGER, patience: float = PATIENCE) -> None:
        self._pool, self._linger, self._patience = ref(pool), linger, patience  # `_of` keeps us while there is a pool, not the pool
        self._most = max(1, pool.max_size // SHARE)
        self._lines: list[Line] = []
        self._waiting: deque[Question] = deque()
        self._opening = False
        self._held: set[asyncio.Task[None]] = set()

    @classmethod
    def of(cls, pool: AsyncConnectionPool) -> "Lines":
        found = _of.get(pool)
        if found is None:
            found = _of[pool] = cls(pool)
        return found

    async def ask(self, statement: str, values: Sequence[object]) -> Found:
        """`statement` has a `%s` for each of `values`. Raises psycopg.Error."""
        question = Question(statement, values)
        line = min((line for line in self._lines if not line.broken), key=len, default=None)
        if not self._opening and (line is None or (len(line) >= DEEP and len(self._lines) < self._most)):
            self._opening = True
            holding = asyncio.create_task(self._hold(self._pool()), name="line")
            self._held.add(holding)
            holding.add_done_callback(self._held.discard)
        if line is None:
            self._waiting.append(question)
        else:
            line.send(question)
        return await question.answer

    async def _hold(self, pool: AsyncConnectionPool | None) -> None:
        """Take a connection, and keep it while it is used."""
        assert pool is not None  # who asks has it
        try:
            async with answering(pool) as conn:
                self._begin(line := Line(conn))
                try:
                    while await line.used(self._linger, self._patience):
                        pass
                finally:
                    self._lines.remove(line)
                    await line.leave()
        except (*ERRORS, asyncio.CancelledError) as error:
            if self._opening:
                self._give_up(error if isinstance(error, Exception) else OperationalError("the server ends"))
            if not isinstance(error, Exception):
                raise

    def _begin(self, line: Line) -> None:
        self._opening = False
        self._lines.append(line)
        while self._waiting:
            line.send(self._waiting.popleft())

    def _give_up(self, error: Exception) -> None:
        """There is no connection just now."""
        self._opening = False
        while self._waiting:
            self._waiting.popleft().fail(error)


@asynccontextmanager
async def answering(pool: AsyncConnectionPool) -> AsyncIterator[AsyncConnection]:
    """A connection that the database has not left behind: many will ask on it."""
    for _ in range(pool.max_size + 1):
        async with at_once(pool) as conn:
            if await answers(conn):
                yield conn
                return
    raise OperationalError("no connection of the pool answers")


async def answers(conn: AsyncConnection) -> bool:
    try:
        await conn.execute("")
    except OperationalError:
        await conn.close()
        return False
    return True


@asynccontextmanager
async def at_once(pool: AsyncConnectionPool) -> AsyncIterator[AsyncConnection]:
    """A connection on which a statement is its own transaction: the two ways to the server for beginning and ending one are saved."""
    async with pool.connection() as conn:
        if conn.autocommit:
            yield conn
            return
        await conn.set_autocommit(True)
        try:
            yield conn
        finally:
            if not conn.closed:
                await conn.set_autocommit(False)
