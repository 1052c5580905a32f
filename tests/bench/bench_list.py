"""How many lists a second? `GET /api/v1/deployments` with a filter and a total, 20 rows: the server as `tiangong up` runs it, through
authentication, against the same rows by FastAPI with a `def` route, psycopg's pool and a response model; one process each, the same load,
alternating, three rounds, medians. Prints a JSON line for 32 and for 8 connections."""

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
from urllib.request import Request, urlopen

from tests.bench.listed import fill
from tests.bench.load import Measured, measured
from tests.bench.measure import ROUNDS, databases, median, show

ROWS, SECONDS, GOAL = 10_000, 4.0, 3.0
PATH = "/api/v1/deployments?environment_id=env_2&status=success&page_size=20"
TOKEN = secrets.token_hex(16)
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


def answers(port: int) -> bytes:
    with urlopen(Request(f"http://127.0.0.1:{port}{PATH}", headers={"Authorization": f"Bearer {TOKEN}"}), timeout=10) as answer:
        return answer.read()


def report(connections: int, rounds: list[tuple[Measured, Measured]]) -> None:
    mine, theirs = zip(*rounds, strict=True)
    ours, peer = median([each.per_second for each in mine]), median([each.per_second for each in theirs])
    show(f"list endpoint, 20 rows, filters and total, {connections} connections, requests/s", ours=round(ours),
         peer="FastAPI def + psycopg pool + response_model", peer_value=round(peer), ratio=round(ours / peer, 2), goal=GOAL,
         p50_ms=round(median([each.p50 for each in mine]), 1), peer_p50_ms=round(median([each.p50 for each in theirs]), 1),
         p99_ms=round(median([each.p99 for each in mine]), 1), peer_p99_ms=round(median([each.p99 for each in theirs]), 1), rows=ROWS)


def main() -> None:
    with databases("lists", migrated=("lists",)) as found, tempfile.TemporaryDirectory() as home:
        fill(found["lists"], ROWS)
        server = ["api.cli", "up", "--home", home, "--port", "0", "--database-url", found["lists"]]
        with running(server) as mine, running(["tests.bench.list_peer", found["lists"]]) as theirs:
            for port in (mine, theirs):
                measured(port, PATH, TOKEN, 8, 1.0)  # warm
            for connections in (32, 8):
                report(connections, [(measured(mine, PATH, TOKEN, connections, SECONDS), measured(theirs, PATH, TOKEN, connections, SECONDS))
                                     for _ in range(ROUNDS)])


if __name__ == "__main__":
    main()
