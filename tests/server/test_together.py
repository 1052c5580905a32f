"""Two that start at the same moment on one database with nothing in it: both come up."""

import asyncio
import sys
from pathlib import Path

import psycopg

from api.demo.server import HERE, TiangongServer
from tests.server.conftest import TOKEN, Client

SECRET = "of both servers, as the docs ask for"


async def test_two_migrations_of_an_empty_database_both_succeed_five_times(databases, tmp_path):
    for number in range(5):
        conninfo = databases.create(migrated=False)
        try:
            ended = await asyncio.gather(*(migrated(conninfo, tmp_path / f"home-{number}-{one}") for one in (1, 2)))
            assert [code for code, _ in ended] == [0, 0], ended
            assert heads(conninfo) == [(0,)]
        finally:
            databases.drop(conninfo)


async def migrated(conninfo: str, home: Path) -> tuple[int | None, str]:
    """The exit code, and what was said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api.cli", "migrate", "--home", str(home), "--database-url", conninfo, cwd=HERE, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, said.decode()


def heads(conninfo: str) -> list[tuple[int]]:
    with psycopg.connect(conninfo) as conn:
        return conn.execute("select position from log.stored_events_head").fetchall()


async def test_two_servers_come_up_on_an_empty_database_and_each_shows_what_the_other_took(empty_database, tmp_path):
    settings = {"ADMIN_TOKEN": TOKEN, "SECRET_KEY": SECRET, "DATABASE_URL": empty_database}
    one, other = (TiangongServer(tmp_path / name, settings) for name in ("one", "other"))
    try:
        await asyncio.gather(one.start(), other.start())
        async with Client(one.url) as first, Client(other.url) as second:
            for client, across, tag in ((first, second, "v1.0.0"), (second, first, "v2.0.0")):
                body = {"git_tag": tag, "git_commit": "abc123def456", "repository": "https://git.example/org/repo", "description": tag}
                answer = await client.post("/api/v1/versions", json=body)
                assert answer.status_code == 201, answer.text
                found = await across.get(f"/api/v1/versions/{answer.json()['id']}", headers={"X-Min-Position": answer.headers["X-Log-Position"]})
                assert found.status_code == 200, found.text
        assert await one.stop() == 0
        assert await other.stop() == 0
    finally:
        await asyncio.gather(one.stop(), other.stop())
