"""The server as a process: how it starts, how it ends, what it survives."""

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from api.demo.server import TiangongServer
from tests.server.conftest import TOKEN, Client, postmaster


async def test_a_second_server_on_one_home_says_so_and_exits_1(server):
    await server.start()
    second = await asyncio.to_thread(tiangong, "up", "--home", str(server.home), "--port", "0")
    assert second.returncode == 1
    assert f"another server (process {server.pid}) runs on {server.home}" in second.stderr


async def test_sigterm_ends_it_with_0_and_leaves_no_database_behind(server):
    await server.start()
    assert postmaster(server.home) is not None
    assert await server.stop() == 0
    assert postmaster(server.home) is None


async def test_home_is_the_owners_alone_and_its_parent_stays_as_it_was(server, tmp_path):
    tmp_path.chmod(0o700)
    await server.start()
    assert stat.S_IMODE(server.home.stat().st_mode) == 0o700
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


async def test_after_sigkill_of_server_and_database_everything_accepted_is_there(server):
    await server.start()
    async with Client(server.url) as client:
        created = await create_version(client, 1)
    database = postmaster(server.home)
    assert database is not None
    os.kill(database, signal.SIGKILL)
    await server.kill()
    await server.start()
    async with Client(server.url) as client:
        found = await client.get(f"/api/v1/versions/{created.json()['id']}")
    assert (created.status_code, found.status_code) == (201, 200)


async def test_when_its_database_dies_under_load_commands_answer_503_and_work_again_and_nothing_accepted_is_lost(server):
    await server.start()
    accepted: set[str] = set()
    answers: set[int] = set()
    stop = asyncio.Event()

    async def caller(number: int, client: Client) -> None:
        for n in range(100_000):
            if stop.is_set():
                return
            answer = await create_version(client, number * 1_000_000 + n)
            answers.add(answer.status_code)
            if answer.status_code == 201:
                accepted.add(answer.json()["id"])

    async with Client(server.url) as client:
        callers = [asyncio.create_task(caller(n, client)) for n in range(8)]
        for _ in range(3):
            await twenty_more(accepted)
            database = postmaster(server.home)
            assert database is not None
            os.kill(database, signal.SIGKILL)
            await until(lambda dead=database: postmaster(server.home) not in (None, dead))
        await twenty_more(accepted)
        stop.set()
        await asyncio.gather(*callers)
        listed = await ids(client)
    assert answers <= {201, 503}
    assert accepted <= listed
    assert "every read model is what the log says" in await server.command("projections", "check")


@pytest.mark.parametrize(("variable", "value"), [("TIANGONG_PROT", "8080"), ("TIANGONG_PORT", "many")])
async def test_an_unknown_setting_or_a_bad_value_is_named_at_start(tmp_path, variable, value):
    done = await asyncio.to_thread(tiangong, "up", "--home", str(tmp_path / "home"), **{variable: value})
    assert done.returncode == 1
    assert variable in done.stderr


async def test_a_port_that_is_taken_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = await asyncio.to_thread(tiangong, "up", "--home", str(tmp_path / "home"), "--port", port)
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr


async def test_the_first_start_makes_an_admin_and_keeps_its_token_for_the_owner_alone(tmp_path):
    server = TiangongServer(tmp_path / "home", {})
    try:
        await server.start()
        kept = server.home / "admin-token"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        async with httpx.AsyncClient(base_url=server.url, headers={"Authorization": f"Bearer {kept.read_text().strip()}"}) as client:
            me = await client.get("/api/v1/me")
        assert me.json()["username"] == "admin"
    finally:
        await server.stop()


async def test_a_token_from_the_command_line_is_good_at_once(server):
    await server.start()
    token = await server.command("token", "create", "--user", "admin", "--days", "1")
    async with httpx.AsyncClient(base_url=server.url, headers={"Authorization": f"Bearer {token}"}) as client:
        assert (await client.get("/api/v1/me")).status_code == 200


async def test_a_changed_export_is_found_out(server, tmp_path):
    await server.start()
    whole, changed = tmp_path / "log.jsonl", tmp_path / "changed.jsonl"
    await server.command("audit", "export", "--out", str(whole))
    assert "verified" in await server.command("audit", "verify", str(whole))
    changed.write_text(whole.read_text().replace('\\"schema\\":1', '\\"schema\\":7', 1))
    verdict = await asyncio.to_thread(tiangong, "audit", "verify", str(changed))
    assert (verdict.returncode, "first bad position 1" in verdict.stdout) == (1, True)


async def create_version(client: Client, number: int) -> httpx.Response:
    body = {"git_tag": f"v0.0.{number}", "git_commit": "abc123def456", "repository": "https://github.com/org/repo"}
    return await client.post("/api/v1/versions", json=body)


async def ids(client: Client) -> set[str]:
    """Of all versions, by the cursor."""
    found: set[str] = set()
    after: str | None = None
    while True:
        page = (await client.get("/api/v1/versions", params={"page_size": 100} | ({"after": after} if after else {}))).json()
        found |= {version["id"] for version in page["versions"]}
        after = page["next"]
        if not after:
            return found


async def twenty_more(accepted: set[str]) -> None:
    before = len(accepted)
    await until(lambda: len(accepted) > before + 20)


async def until(condition, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.02)


def tiangong(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TIANGONG_")} | {"TIANGONG_ADMIN_TOKEN": TOKEN}
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *arguments], cwd=Path(__file__).parents[2], env=ours | variables, capture_output=True, text=True,
        timeout=60, check=False)
