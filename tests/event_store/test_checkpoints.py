"""Checkpoints: when they are made, by whom, and what they find."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from adapters.event_store import schema
from adapters.event_store.checkpoints import Checkpoint, Checkpoints, Trouble, compared, every
from tests.event_store.audit import NOON, SIGNER, STRANGER
from tests.event_store.facts import append, fact
from tests.support.pools import pool_of
from tests.support.waiting import until

TEN = timedelta(minutes=10)


class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def pool(as_server: str) -> AsyncIterator[AsyncConnectionPool]:
    async with pool_of(as_server) as pool:
        yield pool


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def signing(pool: AsyncConnectionPool, clock: Clock) -> Checkpoints:
    return Checkpoints(pool, SIGNER, clock, events=3, time=TEN)


async def grow(log, events: int) -> None:
    for _ in range(events):
        await append(log, fact())


async def test_an_empty_log_gets_none_and_the_first_facts_get_one_at_once(log, signing):
    assert await signing.sign_if_due() is None
    await grow(log, 2)
    made = await signing.sign_if_due()
    assert (made.position, made.is_good, made.key) == (2, True, SIGNER.public)


async def test_one_is_due_after_so_many_events_or_so_long_but_only_if_the_log_moved(log, signing, clock):
    await grow(log, 1)
    await signing.sign_if_due()
    await grow(log, 2)
    assert await signing.sign_if_due() is None
    await grow(log, 1)
    assert (await signing.sign_if_due()).position == 4
    clock.now += TEN
    assert await signing.sign_if_due() is None
    await grow(log, 1)
    assert (await signing.sign_if_due()).position == 5


async def test_several_servers_at_once_make_one(log, pool, clock, admin):
    await grow(log, 3)
    made = await asyncio.gather(*(Checkpoints(pool, signer, clock).sign_if_due() for signer in (SIGNER, STRANGER, SIGNER, STRANGER)))
    assert len([checkpoint for checkpoint in made if checkpoint]) == len(list(every(admin))) == 1


async def test_the_loop_goes_on(log, signing, admin):
    loop = asyncio.create_task(signing.run())
    try:
        await grow(log, 1)
        await until(lambda: list(every(admin)))
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)


async def test_what_is_stored_is_what_was_signed(log, signing, admin):
    await grow(log, 2)
    made = await signing.sign_if_due()
    assert list(compared(admin, frozenset([SIGNER.public]))) == [made]
    assert [type(found) for found in compared(admin, frozenset([STRANGER.public]))] == [Trouble]


@pytest.mark.parametrize("change", ["update {} set position = 9", "delete from {}", "truncate {}"])
async def test_nobody_changes_a_checkpoint(log, signing, admin, as_server, change):
    await grow(log, 1)
    await signing.sign_if_due()
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        admin.execute(change.format("log.checkpoints"))
    with psycopg.connect(as_server) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
        conn.execute(change.format("log.checkpoints"))


@pytest.mark.parametrize("table", ["stored_events", "checkpoints"])
async def test_a_history_made_anew_by_an_administrator_is_found(log, signing, admin, table):
    """Every digest fits again; only the checkpoint does not."""
    for _ in range(3):
        await grow(log, 3)
        await signing.sign_if_due()
    with admin.transaction(force_rollback=True):
        admin.execute(f"alter table log.{table} disable trigger all")
        if table == "checkpoints":
            admin.execute("update log.checkpoints set signed_at = signed_at - interval '1 day' where position = 6")
        else:
            rewrite(admin)
        *good, trouble = compared(admin)
    assert [checkpoint.position for checkpoint in good if isinstance(checkpoint, Checkpoint)] == [3]
    assert isinstance(trouble, Trouble)
    assert (trouble.position, "changed" in trouble.message or "signature" in trouble.message) == (6, True)


def rewrite(admin: psycopg.Connection) -> None:
    """The fifth event was different, and nobody could ever tell."""
    admin.execute("update log.stored_events set topic = 'name.freed' where notification_id = 5")
    for position in range(5, 10):
        admin.execute("""
            update log.stored_events e set digest = log.link(p.digest, e.originator_id, e.originator_version, e.topic, e.state)
              from log.stored_events p where e.notification_id = %s and p.notification_id = %s""", (position, position - 1))
    assert admin.execute("select log.verify(1, 9)").fetchone() == (None,)


async def test_a_migration_leaves_them_as_they_are(log, signing, admin):
    await grow(log, 1)
    made = await signing.sign_if_due()
    schema.create(admin)
    assert list(every(admin)) == [made]
