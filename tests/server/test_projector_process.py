"""The server's projector is a process of its own: whatever happens to one of the two, nobody is left behind and nothing stands still."""

import asyncio
import contextlib
import os
import signal

import psycopg
import pytest

from adapters.embedded_postgres.layout import Layout
from api.demo.server import TiangongServer
from tests.kill.checks import processes_that_name, readiness
from tests.server.conftest import Client, postmaster
from tests.server.test_process import create_version
from tests.support.waiting import until

PROGRAM = "api.wiring.projecting"


def projectors(server: TiangongServer) -> list[int]:
    """Of this home, whoever started them."""
    return [pid for pid, words in processes_that_name(server.home).items() if PROGRAM in words]


def the_projector(server: TiangongServer) -> int:
    [found] = projectors(server)
    return found


async def test_when_the_projector_is_killed_the_read_models_go_on_and_readyz_tells(server):
    await server.start()
    killed = the_projector(server)
    os.kill(killed, signal.SIGKILL)
    async with Client(server.url) as client:
        answer = await create_version(client, 1)
        assert answer.status_code == 201, answer.text
        assert (await client.get(f"/api/v1/versions/{answer.json()['id']}")).status_code == 200
    assert the_projector(server) != killed
    assert (await readiness(server.url))["trouble"] == {"projector": "ChildDied, see the server's output"}
    assert f"process {killed} ended by SIGKILL" in server.tail()


async def test_when_the_server_is_killed_its_projector_ends_and_the_next_start_has_one_of_its_own(server):
    await server.start()
    first = the_projector(server)
    await server.kill()
    await until(lambda: projectors(server) == [])
    await server.start()
    assert the_projector(server) != first
    async with Client(server.url) as client:
        assert (await create_version(client, 1)).status_code == 201
    assert "Traceback" not in server.tail(500)


async def test_sigterm_ends_the_server_then_its_projector_then_its_database(server):
    await server.start()
    database = postmaster(server.home)
    assert await server.stop() == 0
    assert (projectors(server), postmaster(server.home)) == ([], None)
    assert "Traceback" not in server.tail(500)
    said = Layout(server.home / "postgres").log.read_text()
    assert database is not None
    assert "terminating connection" not in said, "somebody was still connected when the database was stopped"


async def test_ctrl_c_in_the_terminal_ends_both_without_a_word(server):
    await server.start()
    os.killpg(server.pid, signal.SIGINT)
    await until(lambda: server._process.returncode is not None, 30)  # a SIGTERM in its last moment would be its end
    assert (projectors(server), postmaster(server.home)) == ([], None)
    assert await server.stop() == 0
    assert "Traceback" not in server.tail(500)


async def test_ctrl_c_while_it_starts_leaves_nobody_behind(server):
    starting = asyncio.create_task(server.start())
    await until(lambda: projectors(server), 30)
    os.killpg(server.pid, signal.SIGINT)
    with contextlib.suppress(Exception):
        await starting
    await until(lambda: projectors(server) == [] and postmaster(server.home) is None, 30)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_that_comes_to_all_processes_at_once_does_not_take_the_read_models_from_those_who_still_work(server, number):
    """As systemd sends it; the projector ends when the server has ended its work."""
    await server.start()
    projector = the_projector(server)
    async with Client(server.url) as client:
        assert (await create_version(client, 1)).status_code == 201  # it is at work
        os.kill(projector, number)
        for tag in range(2, 6):
            assert (await create_version(client, tag)).status_code == 201
    assert the_projector(server) == projector


async def test_the_projector_says_what_it_has_to_say_where_the_server_does(server):
    await server.start()
    async with Client(server.url) as client:
        assert (await create_version(client, 1)).status_code == 201
        with psycopg.connect(conninfo(server), autocommit=True) as admin:
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tiangong projections'")
        assert (await create_version(client, 2)).status_code == 201
    await until(lambda: "projector starts again: " in server.tail(500))
    line = next(line for line in server.tail(500).splitlines() if "projector starts again: " in line)
    assert " WARNING adapters.runtime.supervisor: " in line


def conninfo(server: TiangongServer) -> str:
    """The fifth line of the database's pid file is its socket's folder."""
    lines = Layout(server.home / "postgres").pid_file.read_text().splitlines()
    return f"host={lines[4]} port={lines[3]} dbname=postgres user=postgres"
