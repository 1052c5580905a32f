"""The port to pseudonyms and keys on PostgreSQL (see application.ports.people)."""

import asyncio
from collections.abc import Collection
from uuid import uuid4

from psycopg_pool import AsyncConnectionPool

from adapters.event_store.person_keys import ServerKey
from domain.personal import is_person

FIND = "select means from log.person_finders where finder = %s"
MAKE = "insert into log.person_finders (finder, means) values (%s, %s) on conflict do nothing"
ERASE_KEYS = """
insert into log.person_keys (person, wrapped, forgotten_at) select id, null, now() from unnest(%s::text[]) id
on conflict (person) do update set wrapped = null, forgotten_at = coalesce(person_keys.forgotten_at, excluded.forgotten_at)"""
ERASE_FINDERS = "delete from log.person_finders where means = any(%s)"


class PostgresPeople:
    def __init__(self, pool: AsyncConnectionPool, key: ServerKey) -> None:
        self._pool, self._key = pool, key

    async def name(self, username: str) -> str:
        return await self._pseudonym("user", username, "name")

    async def known_name(self, username: str) -> str | None:
        return await self._found(self._key.finder("user", username))

    async def addressee(self, address: str) -> str:
        return await self._pseudonym("address", address.strip().casefold(), "adr")

    async def known_addressee(self, address: str) -> str | None:
        return await self._found(self._key.finder("address", address.strip().casefold()))

    async def erase(self, ids: Collection[str]) -> None:
        """The keys first, but in one transaction: whoever sees one gone sees all gone."""
        async with self._pool.connection() as conn:
            await conn.execute(ERASE_KEYS, (sorted(filter(is_person, ids)),))  # in order: two who erase do not lock one another out
            await conn.execute(ERASE_FINDERS, (list(ids),))

    async def _pseudonym(self, kind: str, value: str, prefix: str) -> str:
        """Of several who make it at once, all get the first one's."""
        finder = self._key.finder(kind, value)
        while (found := await self._found(finder)) is None:
            async with self._pool.connection() as conn:
                await conn.execute(MAKE, (finder, f"{prefix}_{uuid4().hex}"))
            await asyncio.sleep(0)
        return found

    async def _found(self, finder: bytes) -> str | None:
        async with self._pool.connection() as conn:
            row = await (await conn.execute(FIND, (finder,))).fetchone()
        return row[0] if row else None
