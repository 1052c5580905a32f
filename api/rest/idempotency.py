"""`Idempotency-Key`: the same request under the same key is carried out once and answered alike.

The command's own id follows from user and key, so that the log is the last word: after a crash between the commit and the kept
answer the handler runs again, finds its own facts and stores nothing. This table only keeps the answers, for a day.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response

from api.database import AWAY, Pool, execute, first
from api.errors import Problem

PATIENCE, PAUSE = 5.0, 0.05
"""Seconds that a second request waits for the first one to end, and between its looks; the same for a database that is away."""

CLAIM = """
insert into ops.idempotency_keys as k (actor, key, method, path, digest, holder) values (%s, %s, %s, %s, %s, %s)
on conflict (actor, key) do update
   set method = excluded.method, path = excluded.path, digest = excluded.digest, holder = excluded.holder, created_at = clock_timestamp(),
       status = null, headers = null, body = null
 where k.created_at < clock_timestamp() - case when k.status is null then interval '1 minute' else interval '1 day' end
    or k.holder = excluded.holder and k.status is null  -- our own claim: the connection broke before we heard of it
returning true"""
LOOK = "select method, path, digest, status, headers::text, body from ops.idempotency_keys where actor = %s and key = %s"
KEEP = "update ops.idempotency_keys set status = %s, headers = %s::jsonb, body = %s where actor = %s and key = %s and holder = %s"
DROP = "delete from ops.idempotency_keys where actor = %s and key = %s and holder = %s"
FORGET = """
delete from ops.idempotency_keys where (actor, key) in (
  select actor, key from ops.idempotency_keys where created_at < clock_timestamp() - interval '1 day'
   order by created_at limit 20 for update skip locked)"""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """One request under a key."""

    actor: str
    key: str
    method: str
    path: str
    digest: bytes


def digest_of(token: str, body: bytes) -> bytes:
    """Of the body, under the caller's token: from the table alone nobody can guess a short secret in it."""
    return hmac.digest(hashlib.sha256(token.encode()).digest(), body, "sha256")


async def once(pool: Pool, asked: Asked, handle: Callable[[], Awaitable[Response]], *, keep: bool = True) -> Response:
    """The answer to this request: the kept one, or that of `handle`. With `keep` false the answer is secret: `handle` is asked again."""
    holder = uuid.uuid4()
    if (kept := await claim_or_kept(pool, asked, holder)) is not None:
        return kept
    try:
        answer = await handle()
    except BaseException:
        await asyncio.shield(settle(pool, DROP, (asked.actor, asked.key, holder)))
        raise
    if answer.status_code >= 500 or not keep:
        await settle(pool, DROP, (asked.actor, asked.key, holder))
    else:
        headers = json.dumps({name: value for name, value in answer.headers.items() if name not in ("content-length", "content-type")})
        await settle(pool, KEEP, (answer.status_code, headers, bytes(answer.body), asked.actor, asked.key, holder))
    await settle(pool, FORGET, patience=0)
    return answer


async def settle(pool: Pool, statement: str, parameters: tuple[object, ...] = (), patience: float = PATIENCE) -> None:
    """Run it again while connections break: a claim that nobody ends would turn the key away for a minute. In the end the answer is
    worth more than this table."""
    deadline = time.monotonic() + patience
    while True:
        try:
            await execute(pool, statement, parameters)
            return
        except AWAY as error:
            if time.monotonic() >= deadline:
                logger.warning("the table of Idempotency-Keys could not be written: %s", error)
                return
        await asyncio.sleep(PAUSE)


async def claimed(pool: Pool, asked: Asked, holder: uuid.UUID, deadline: float) -> bool:
    """Whether the key is ours now. A claim that broke off may have been stored: the holder tells."""
    while True:
        try:
            return await first(pool, CLAIM, (asked.actor, asked.key, asked.method, asked.path, asked.digest, holder)) is not None
        except AWAY:
            if time.monotonic() >= deadline:
                raise
        await asyncio.sleep(PAUSE)


async def claim_or_kept(pool: Pool, asked: Asked, holder: uuid.UUID, patience: float = PATIENCE) -> Response | None:
    """None: the key is ours now. Raises 409 for another request's key, or when the first one does not end in time."""
    deadline = time.monotonic() + patience
    while True:
        if await claimed(pool, asked, holder, deadline):
            return None
        row = await first(pool, LOOK, (asked.actor, asked.key))
        if row is None:  # its request failed meanwhile
            continue
        method, path, digest, status, headers, body = row
        if (method, path, bytes(digest)) != (asked.method, asked.path, asked.digest):
            raise Problem(409, "this Idempotency-Key was used before, for another request", field="Idempotency-Key")
        if status is not None:
            return Response(bytes(body), status, json.loads(headers), "application/json")
        if time.monotonic() > deadline:
            raise Problem(409, "the first request under this Idempotency-Key is still in progress", {"Retry-After": "2"}, field="Idempotency-Key")
        await asyncio.sleep(PAUSE)


class KeptAnswers:
    """The port `application.ports.answers`: what stands in this table may name people."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def drop(self) -> None:
        await execute(self._pool, "delete from ops.idempotency_keys")
