"""Secrets on PostgreSQL: AES-256-GCM, the reference bound to the ciphertext, so that two rows cannot be swapped."""

import os
import uuid
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg_pool import AsyncConnectionPool

from adapters.secrets.key import from_home, from_setting
from application.ports.secrets import SecretUnreadable

NONCE = 12
"""Bytes, random for each secret, in front of its ciphertext."""


class PostgresSecrets:
    """`key`: the setting SECRET_KEY; without it the key in `home` is used."""

    def __init__(self, pool: AsyncConnectionPool, key: str | None, home: Path) -> None:
        self._pool = pool
        self._cipher = AESGCM(from_setting(key) if key else from_home(home))

    async def put(self, value: str) -> str:
        reference, nonce = f"sec_{uuid.uuid4().hex}", os.urandom(NONCE)
        ciphertext = nonce + self._cipher.encrypt(nonce, value.encode(), reference.encode())
        async with self._pool.connection() as conn:
            await conn.execute("insert into ops.secrets (reference, ciphertext) values (%s, %s)", (reference, ciphertext))
        return reference

    async def get(self, reference: str) -> str:
        async with self._pool.connection() as conn:
            row = await (await conn.execute("select ciphertext from ops.secrets where reference = %s", (reference,))).fetchone()
        if row is None:
            raise SecretUnreadable(f"the stored secret {reference} is missing: set it again")
        try:
            return self._cipher.decrypt(row[0][:NONCE], row[0][NONCE:], reference.encode()).decode()
        except (InvalidTag, ValueError):  # ValueError: too short to be one
            raise SecretUnreadable(f"the stored secret {reference} was encrypted with another key: put back SECRET_KEY, or set it again") from None
