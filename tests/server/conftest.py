"""A real server in a process of its own, for each test."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from adapters.embedded_postgres.layout import Layout
from api.demo.server import TiangongServer

TOKEN = "an-admin-token-for-tests"


class Client(httpx.AsyncClient):
    def __init__(self, url: str) -> None:
        super().__init__(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[TiangongServer]:
    """Not started yet; ended with all that it left behind."""
    made = TiangongServer(tmp_path / "home", {"ADMIN_TOKEN": TOKEN})
    yield made
    await made.stop()
    if (pid := postmaster(made.home)) is not None:
        os.kill(pid, signal.SIGQUIT)


def postmaster(home: Path) -> int | None:
    """The process that the embedded database's pid file names, if it lives."""
    try:
        pid = int(Layout(home / "postgres").pid_file.read_text().splitlines()[0])
    except FileNotFoundError:  # also one that goes away just now
        return None
    return pid if Path(f"/proc/{pid}").exists() else None
