"""What may come again from the log need not be on the disk at once; all else is."""

from api.wiring.core import open_core


async def shown(pool) -> str:
    async with pool.connection() as conn:
        return (await (await conn.execute("show synchronous_commit")).fetchone())[0]


async def test_hints_alone_do_not_wait_for_the_disk(settings, home, database):
    async with open_core(settings, home, database) as core:
        assert (await shown(core.hints), await shown(core.pool)) == ("off", "on")


async def test_each_statement_on_a_connection_for_hints_is_stored_by_itself(settings, home, database):
    async with open_core(settings, home, database) as core, core.hints.connection() as conn:
        assert conn.autocommit
