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

from projections.engine.line import FORGOTTEN, HEAVY, Line
from projections.engine.question import Found, Question

SHARE, DEEP = 4, 4
"""One connection of so many in the pool may be a line; another line is taken when there are so many questions in each."""
LINGER, PATIENCE, OPENING, ANOTHER = 0.2, 65.0, 10.0, 0.25
"""Seconds: after which an idle line goes back to the pool; after which one is given up that does not answer (a little longer than the server
lets a statement run); and how long one waits for the first line, and for another one beside those there are."""
ERRORS = (Error, PoolTimeout, PoolClosed)
_of: "WeakKeyDictionary[AsyncConnectionPool, Lines]" = WeakKeyDictionary()


class Lines:
    """Of one pool, and so of one event loop."""

    def __init__(self, pool: AsyncConnectionPool, linger: float = LINGER, patience: float = PATIENCE, opening: float = OPENING) -> None:
        self._pool = ref(pool)  # `_of` keeps us while there is a pool, not the pool
        self._linger, self._patience, self._longest = linger, patience, opening
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
        """`statement`, which changes nothing, has a `%s` for each of `values`. Raises psycopg.Error."""
        for _ in range(self._most):
            try:
                return await self._sent(statement, values)
            except FORGOTTEN:  # this line knows it now; another may not
                continue
        return await self._sent(statement, values)

    async def _sent(self, statement: str, values: Sequence[object]) -> Found:
        question = Question(statement, values)
        burden, line = self._lightest(question.began)
        if not self._opening and (line is None or (burden >= DEEP and len(self._lines) < self._most)):
            self._opening = True
            holding = asyncio.create_task(self._hold(self._pool()), name="line")
            self._held.add(holding)
            holding.add_done_callback(self._held.discard)
        if line is None or (burden >= HEAVY and self._opening):
            self._waiting.append(question)
        else:
            line.send(question)
        return await question.answer

    def _lightest(self, now: float) -> tuple[int, Line | None]:
        found, lightest = 0, None
        for line in self._lines:
            if not line.broken and (lightest is None or line.burden(now) < found):
                found, lightest = line.burden(now), line
        return found, lightest

    async def _hold(self, pool: AsyncConnectionPool | None) -> None:
        """Take a connection, and keep it while it is used."""
        assert pool is not None  # who asks has it
        tiring = asyncio.create_task(self._tire(), name="line to come")
        try:
            async with answering(pool) as conn:
                tiring.cancel()
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
        finally:
            tiring.cancel()

    def _begin(self, line: Line) -> None:
        self._opening = False
        self._lines.append(line)
        while self._waiting:
            line.send(self._waiting.popleft())

    async def _tire(self) -> None:
        """The connection takes its time: that of nobody else."""
        error = OperationalError("the database does not answer")
        while self._lines:
            await asyncio.sleep(ANOTHER)
            self._pass_on(error)
        await asyncio.sleep(self._longest)
        self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """There is no connection just now."""
        self._opening = False
        self._pass_on(error)

    def _pass_on(self, error: Exception) -> None:
        """Who waits for a connection has to do with a slow line, if there is any."""
        _, line = self._lightest(asyncio.get_running_loop().time())
        while self._waiting:
            question = self._waiting.popleft()
            if line:
                line.send(question)
            else:
                question.fail(error)


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
