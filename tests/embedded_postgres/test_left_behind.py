"""What a dead server left: pid files and socket locks that name nobody, a zombie or a stranger."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.embedded_postgres.presence import named_postgres
from adapters.embedded_postgres.probe import probe
from tests.embedded_postgres.conftest import Make
from tests.embedded_postgres.support import count
from tests.support.waiting import wait_until

CUT = {"empty": "", "a word": "garbage\n", "half a line": "12x", "zeros": "\0" * 40, "negative": "-5\n"}


def pid_file(pid: int, data: Path) -> str:
    """As postgres writes it."""
    return f"{pid}\n{data}/cluster\n1700000000\n5432\n{data}/socket\n\n  9977904         4\nready   \n"


@contextmanager
def somebody(command: str) -> Iterator[int]:
    """A living process of another program."""
    process = subprocess.Popen([command, "60"])
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


@contextmanager
def zombie() -> Iterator[int]:
    process = subprocess.Popen(["true"])
    try:
        wait_until(lambda: Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
        yield process.pid
    finally:
        process.wait()


def dead() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def leave(data: Path, pid_text: str, lock_text: str) -> None:
    (data / "cluster/postmaster.pid").write_text(pid_text)
    (data / "socket").mkdir(mode=0o700)
    (data / "socket/.s.PGSQL.5432.lock").write_text(lock_text)
    (data / "socket/.s.PGSQL.5432").write_text("")


def starts(data: Path, server_on: Make) -> bool:
    server = server_on(data)
    return count(server.start()) == 1 and server.pid is not None


@pytest.mark.parametrize("text", CUT.values(), ids=CUT.keys())
def test_cut_files_do_not_hinder_a_start(text: str, data: Path, server_on: Make):
    leave(data, text, text)
    assert starts(data, server_on)


def test_a_file_cut_after_the_pid_of_a_living_stranger_does_not_hinder_a_start(data: Path, server_on: Make):
    with somebody("sleep") as pid:
        leave(data, str(pid), str(pid))
        assert starts(data, server_on)


def test_files_of_a_dead_process_do_not_hinder_a_start(data: Path, server_on: Make):
    pid = dead()
    leave(data, pid_file(pid, data), pid_file(pid, data))
    assert starts(data, server_on)


def test_a_pid_used_again_by_another_program_is_not_believed(data: Path, server_on: Make):
    with somebody("sleep") as pid:
        leave(data, pid_file(pid, data), pid_file(pid, data))
        assert starts(data, server_on)
        assert Path(f"/proc/{pid}").exists(), "and it is left alone"


def test_a_pid_used_again_by_ourselves_is_not_believed(data: Path, server_on: Make):
    leave(data, pid_file(os.getpid(), data), pid_file(os.getppid(), data))
    assert starts(data, server_on)


def test_a_zombie_is_not_believed(data: Path, server_on: Make):
    with zombie() as pid:
        leave(data, pid_file(pid, data), pid_file(pid, data))
        assert starts(data, server_on)


def test_the_server_of_other_data_is_not_taken_for_ours(template: Path, home: Path, data: Path, server_on: Make):
    other = server_on(home / "other")
    other.start()
    assert other.pid
    leave(data, pid_file(other.pid, data), pid_file(other.pid, data))
    server = server_on(data)
    assert count(server.start()) == 1
    assert server.pid != other.pid is not None
    assert probe(home / "other/socket", data / "cluster").refusal.startswith("a server on other data answers")


def test_without_proc_a_server_is_known_by_its_name(data: Path, server_on: Make):
    server = server_on(data)
    server.start()
    assert server.pid
    assert named_postgres(server.pid)
    with somebody("sleep") as pid:
        assert not named_postgres(pid)
    assert not named_postgres(dead())
