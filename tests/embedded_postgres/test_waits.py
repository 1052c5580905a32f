"""A server that takes its time is waited for, up to the deadline."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from adapters.embedded_postgres import EmbeddedPostgresError
from adapters.embedded_postgres.layout import Layout
from adapters.embedded_postgres.locks import FileLock
from adapters.embedded_postgres.presence import look
from adapters.embedded_postgres.probe import conninfo
from tests.embedded_postgres.conftest import Make
from tests.embedded_postgres.support import Owner, ask, count, insert
from tests.support.waiting import wait_until


@pytest.fixture
def recovery(data: Path, server_on: Make) -> Iterator[Path]:
    """The data will recover at its next start until somebody makes this file. PostgreSQL says `starting up` meanwhile."""
    go = data / "go"
    with (data / "cluster/postgresql.conf").open("a") as settings:
        settings.write(f"hot_standby = off\nrestore_command = 'while [ ! -e {go} ]; do sleep 0.02; done; false'\n")
    (data / "cluster/recovery.signal").touch()
    yield go
    go.touch()


def refused(data: Path) -> str:
    try:
        psycopg.connect(conninfo(data / "socket")).close()
    except psycopg.OperationalError as error:
        return str(error)
    return ""


def test_a_recovery_is_waited_for(data: Path, recovery: Path, server_on: Make):
    server = server_on(data)
    with ThreadPoolExecutor() as pool:
        start = pool.submit(server.start)
        wait_until(lambda: "starting up" in refused(data) or "not yet accepting" in refused(data))
        for _ in range(20):
            assert refused(data)
        assert not start.done()
        recovery.touch()
        assert count(start.result(timeout=20)) == 1


def test_a_server_that_only_reads_while_it_recovers_is_waited_for(data: Path, server_on: Make):
    (data / "cluster/standby.signal").touch()
    server, address = server_on(data), conninfo(data / "socket")
    with ThreadPoolExecutor() as pool:
        start = pool.submit(server.start)
        wait_until(lambda: not refused(data))
        for _ in range(20):
            assert count(address) == 1
        assert not start.done()
        ask(address, "select pg_promote(false)")
        insert(start.result(timeout=20))


def test_a_recovery_beyond_the_deadline_goes_on_and_is_taken_over(data: Path, recovery: Path, server_on: Make):
    with Owner(data) as owner:
        wait_until(lambda: "database system is" in refused(data))
        owner.kill()
    early = server_on(data, deadline=0.5)
    with pytest.raises(EmbeddedPostgresError, match=r"no connections after 0\.5 s: .*database system is.*start again, with a longer") as said:
        early.start()
    words = str(said.value).partition("server.log:\n")[2]
    assert "LOG:  database system was shut down" in words
    assert "FATAL" not in words, "what our own knocking left in the log is not worth telling"
    pid = early.pid
    recovery.touch()
    later = server_on(data)
    assert count(later.start()) == 1
    assert later.pid == pid is not None


def test_a_server_in_the_middle_of_its_shutdown_is_followed_by_a_new_one(data: Path, server_on: Make):
    first, second = server_on(data), server_on(data)
    with psycopg.connect(first.start(), autocommit=True) as connection:
        pid = first.pid
        assert pid
        os.kill(pid, signal.SIGTERM)  # the smart one: no new sessions, and it waits for this one
        wait_until(lambda: "shutting down" in refused(data))
        with ThreadPoolExecutor() as pool:
            start = pool.submit(second.start)
            assert connection.execute("select 1").fetchone() == (1,)
            connection.close()
            assert count(start.result(timeout=20)) == 1
    assert second.pid != pid


@pytest.fixture
def hanging(data: Path) -> Iterator[int]:
    """The pid of a server without an owner that accepts no connections and answers no signal."""
    with Owner(data) as owner:
        pid = owner.said()["pid"]
        owner.kill()
    os.kill(pid, signal.SIGSTOP)
    yield pid
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: not look(Layout(data)).processes)


def test_a_server_that_hangs_is_an_error_after_the_deadline(data: Path, hanging: int, server_on: Make):
    server, began = server_on(data, deadline=0.5), time.monotonic()
    with pytest.raises(EmbeddedPostgresError, match=r"accepts no connections after 0\.5 s: .*timeout.*End what still runs"):
        server.start()
    assert time.monotonic() < began + 10, "no single look takes long"
    with pytest.raises(EmbeddedPostgresError, match=rf"did not stop within 0\.5 s.*kill -QUIT {hanging}"):
        server.stop()
    assert server.pid == hanging


def gate_is_held(data: Path) -> bool:
    lock = FileLock(data / "start.lock")
    try:
        return not lock.try_alone()
    finally:
        lock.close()


def test_a_server_that_hung_for_a_while_is_taken_over(data: Path, server_on: Make):
    first, second = server_on(data), server_on(data)
    address, pid = first.start(), first.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor() as pool:
        start = pool.submit(second.start)
        wait_until(lambda: gate_is_held(data))
        assert not start.done()
        os.kill(pid, signal.SIGCONT)
        assert start.result(timeout=20) == address
    assert second.pid == pid
