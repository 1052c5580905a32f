"""Two servers that start at once on an empty database: both come up, and are one system."""

import asyncio

import psycopg

from api.demo.server import TiangongServer
from tests.event_store.facts import assert_whole
from tests.soak.users import Account, User

TOKEN = "an-admin-token-for-tests"
KEY = "a key of tests, of both servers: they read what each other has encrypted"


async def test_two_servers_that_start_at_once_on_an_empty_database_both_come_up(empty_database, tmp_path):
    servers = [TiangongServer(tmp_path / name, {"ADMIN_TOKEN": TOKEN, "SECRET_KEY": KEY, "DATABASE_URL": empty_database}) for name in ("one", "two")]
    try:
        await asyncio.gather(*(server.start() for server in servers))
        async with User(servers[0].url, TOKEN, Account()) as one, User(servers[1].url, TOKEN, Account()) as two:
            made = await asyncio.gather(one.version("v1.0.0"), two.version("v2.0.0"))
            one.position = two.position = max(one.position, two.position)
            assert [{row["id"] for row in await user.every("versions")} for user in (one, two)] == [set(made)] * 2
            environment, application = await two.environment("here"), await one.application("shop")
            await two.deployed(made[0], application, environment)
        with psycopg.connect(empty_database, autocommit=True) as admin:
            assert_whole(admin)
        assert await asyncio.gather(*(server.stop() for server in servers)) == [0, 0]
    finally:
        await asyncio.gather(*(server.stop() for server in servers))
