"""How many lists a second? `GET /api/v1/deployments` with a filter and a total, 20 rows: the server as `tiangong up` runs it, through
authentication, against the same rows by FastAPI with a `def` route, psycopg's pool and a response model; one process each, the same load,
alternating, three rounds, medians. Prints a JSON line for 32 and for 8 connections: for a list that everybody watches, while nothing
happens and while a hundred commits a second do (we keep an answer until the read models move, a second at most), and for lists of which no two
are the same: there each asks the database, and pays for the whole of the way through the framework."""

import asyncio
import json
import multiprocessing
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen
from uuid import uuid4

import psycopg

from adapters.event_store.log import PostgresLog
from application.house import new_id, utc_now
from application.ports.log import Origin
from domain.version.events import VersionCreated
from tests.bench.listed import fill
from tests.bench.load import Measured, measured
from tests.bench.measure import ROUNDS, databases, median, show

ROWS, SECONDS, GOAL = 10_000, 2.0, 3.0
PATH = "/api/v1/deployments?environment_id=env_2&status=success&page_size=20"
TOKEN = secrets.token_hex(16)
PER_SECOND = 100
MODES = (
    ("nothing happens meanwhile", PATH, False),
    (f"{PER_SECOND} commits a second meanwhile", PATH, True),
    ("each in other words, so that none is kept", PATH + "&n={n}", False),
)
ROOT = Path(__file__).parent.parent.parent


@contextmanager
def running(command: list[str]) -> Iterator[int]:
    """The port that a program says it is ready on."""
    env = {**os.environ, "TIANGONG_ADMIN_TOKEN": TOKEN}
    with subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env) as process:
        try:
            assert process.stdout is not None
            ready = next(line for line in process.stdout if line.startswith("ready"))
            yield int(re.split("[: ]", ready.strip())[-1])
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def flow(conninfo: str, stop: Any) -> None:
    """Facts, PER_SECOND commits of one each, from another process."""

    async def append() -> None:
        async with PostgresLog(conninfo) as log:
            while not stop.is_set():
                fact = VersionCreated(stream=new_id("ver"), version=1, at=utc_now(), by="system:bench", git_tag="v1.0.0", git_commit="abc123def456",
                                      repository="https://git.example/org/repo")
                await log.append([fact], uuid4(), Origin("system:bench", uuid4()))
                await asyncio.sleep(1 / PER_SECOND)

    asyncio.run(append())


@contextmanager
def happening(conninfo: str, wanted: bool) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    process = context.Process(target=flow, args=(conninfo, stop))
    if wanted:
        process.start()
    try:
        yield
    finally:
        stop.set()
        if wanted:
            process.join(20)


def must_be_the_same(mine: int, theirs: int) -> None:
    """Both answer the same rows and the same total."""
    found = []
    for port in (mine, theirs):
        with urlopen(Request(f"http://127.0.0.1:{port}{PATH}", headers={"Authorization": f"Bearer {TOKEN}"}), timeout=10) as answer:
            body = json.load(answer)
        found.append((body["total"], [row["id"] for row in body["deployments"]], body["deployments"][0].keys()))
    if found[0] != found[1] or len(found[0][1]) != 20:
        raise SystemExit(f"the answers differ: {found}")


def report(what: str, connections: int, rounds: list[tuple[Measured, ...]]) -> None:
    mine, theirs = zip(*rounds, strict=True)
    ours, peer = median([each.per_second for each in mine]), median([each.per_second for each in theirs])
    show(f"list endpoint, 20 rows, filters and total, {what}, {connections} connections, requests/s", ours=round(ours),
         peer="FastAPI def + psycopg pool + response_model", peer_value=round(peer), ratio=round(ours / peer, 2), goal=GOAL,
         p50_ms=round(median([each.p50 for each in mine]), 1), peer_p50_ms=round(median([each.p50 for each in theirs]), 1),
         p99_ms=round(median([each.p99 for each in mine]), 1), peer_p99_ms=round(median([each.p99 for each in theirs]), 1), rows=ROWS)


def main() -> None:
    with databases("lists", migrated=("lists",)) as found, tempfile.TemporaryDirectory() as home:
        fill(found["lists"], ROWS)
        with psycopg.connect(found["lists"], autocommit=True) as conn:
            conn.execute("create index for_the_peer on deployments (environment_id, status, created_position)")  # in the words that it asks with
        server = ["api.cli", "up", "--home", home, "--port", "0", "--database-url", found["lists"]]
        with running(server) as mine, running(["tests.bench.list_peer", found["lists"]]) as theirs:
            must_be_the_same(mine, theirs)
            for what, path, happens in MODES:
                with happening(found["lists"], happens):
                    for connections in (32, 8):
                        for port in (mine, theirs):
                            measured(port, path, TOKEN, connections, 0.5)  # warm
                        report(what, connections, [tuple(measured(port, path, TOKEN, connections, SECONDS) for port in (mine, theirs))
                                                   for _ in range(ROUNDS)])


if __name__ == "__main__":
    main()
