"""Owners in processes of their own, and what is left of a server."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from adapters.embedded_postgres.layout import Layout
from adapters.embedded_postgres.presence import look
from tests.support.waiting import wait_until

ROOT = Path(__file__).parent.parent.parent
NOBODY = 65534
AS_ROOT = ("unshare",) if os.geteuid() == 0 else ("unshare", "--user", "--map-root-user")  # for other namespaces beside


class Owner:
    """A running `owner.py`. `before`: a command to run it by."""

    def __init__(self, data: Path, *arguments: str, before: tuple[str, ...] = (), **environment: str) -> None:
        command = [*before, sys.executable, "-W", "error", "-m", "tests.embedded_postgres.owner", str(data), *arguments]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, text=True
        )

    def said(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        return json.loads(line) if line else {}

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        self.process.send_signal(number)
        self.process.wait(timeout=10)

    def finish(self) -> int:
        """Let it stop its server, and end."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.kill()
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()


def insert(conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        connection.execute("create table if not exists kept (at timestamptz default now())")
        connection.execute("insert into kept default values")


def count(conninfo: str) -> int:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("select count(*) from kept").fetchone()
    assert row
    return int(row[0])


def ask(conninfo: str, question: str) -> Any:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        done = connection.execute(question)
        row = done.fetchone() if done.description else None
    return row[0] if row else None


def kill_all(data: Path) -> None:
    """End every process of a server on the data, and wait for that."""
    layout = Layout(data)
    for pid in look(layout).processes:
        with suppress(ProcessLookupError):  # it followed another one
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not look(layout).processes)
