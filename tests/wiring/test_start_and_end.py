"""Processes as an operator starts and ends them: told to end in the middle of their start, and single roles."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from api.wiring.upgrade import LOCK as UPGRADE
from tests.kill.checks import processes_that_name
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def tiangong(*arguments: str, output: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIANGONG_")}
    with output.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "api.cli", *arguments, cwd=ROOT, env=environment, stdout=out, stderr=out, start_new_session=True)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def begun(home: Path) -> bool:
    """The database's files are being made."""
    return (home / "postgres").exists() and any((home / "postgres").rglob("PG_VERSION"))


def runs(home: Path) -> bool:
    """The database's process lives, and nothing is ready yet."""
    return any((home / "postgres").rglob("postmaster.pid"))


@pytest.mark.parametrize("moment", [begun, runs])
async def test_sigterm_in_the_middle_of_the_start_ends_it_with_0_and_leaves_no_process_behind(tmp_path, moment: Callable[[Path], bool]):
    home, output = tmp_path / "home", tmp_path / "output"
    async with tiangong("up", "--home", str(home), "--port", "0", output=output) as server:
        await until(lambda: moment(home) or server.returncode is not None, 30)
        server.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(server.wait(), 30) == 0, output.read_text()
    assert "ready" not in output.read_text()
    assert not processes_that_name(home)


async def test_sigterm_while_it_waits_for_anothers_upgrade_ends_it_with_0(tmp_path, database):
    output = tmp_path / "output"
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("select pg_advisory_lock(%s)", (UPGRADE,))
        async with tiangong("up", "--home", str(tmp_path / "home"), "--port", "0", "--database-url", database, output=output) as server:
            await until(lambda: waiting_locks(other) or server.returncode is not None, 30)
            server.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(server.wait(), 30) == 0, output.read_text()
        await until(lambda: not waiting_locks(other))


def waiting_locks(conn: psycopg.Connection) -> int:
    return int(conn.execute("select count(*) from pg_locks where locktype = 'advisory' and objid = %s and not granted", (UPGRADE,)).fetchone()[0])


async def test_a_worker_alone_works_makes_no_admin_and_ends_with_0(tmp_path, database):
    home, output = tmp_path / "home", tmp_path / "output"
    async with tiangong("worker", "--home", str(home), "--database-url", database, output=output) as worker:
        await until(lambda: turns(database) == 3 or worker.returncode is not None, 30)
        worker.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(worker.wait(), 30) == 0, output.read_text()
    assert turns(database) == 0
    assert not (home / "admin-token").exists()
    assert "admin token" not in output.read_text()


async def test_a_role_on_a_database_without_tables_says_what_to_do(tmp_path, empty_database):
    output = tmp_path / "output"
    async with tiangong("projector", "--home", str(tmp_path / "home"), "--database-url", empty_database, output=output) as role:
        assert await asyncio.wait_for(role.wait(), 30) == 1
    assert output.read_text().splitlines()[-1].startswith("tiangong: the database is not set up for this server")
    assert "Traceback" not in output.read_text()


def turns(database: str) -> int:
    """How many locks of loops that run in one process only are held."""
    with psycopg.connect(database, autocommit=True) as conn:
        query = "select count(*) from pg_locks where locktype = 'advisory' and objid in (7355611, 7355612, 7355614)"
        return int(conn.execute(query).fetchone()[0])
