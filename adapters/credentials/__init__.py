"""Digests of tokens, in a table beside the log."""

from psycopg_pool import AsyncConnectionPool


class PostgresCredentials:
    """A digest once seen is kept in memory: it never changes its meaning; whether the token is still good is the log's to say."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool
        self._known: dict[bytes, str] = {}

    async def put(self, token: str, digest: bytes) -> None:
        async with self._pool.connection() as conn:
            await conn.execute(
                "insert into ops.credentials (digest, token_id) values (%s, %s) on conflict (digest) do update set token_id = excluded.token_id",
                (digest, token))
        self._known.pop(digest, None)

    async def find(self, digest: bytes) -> str | None:
        if digest not in self._known:
            async with self._pool.connection() as conn:
                row = await (await conn.execute("select token_id from ops.credentials where digest = %s", (digest,))).fetchone()
            if row is None:
                return None
            self._known[digest] = row[0]
        return self._known[digest]
