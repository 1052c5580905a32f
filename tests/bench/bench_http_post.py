"""From POST to the answer about a committed event, 64 clients that keep their connections: `POST /api/v1/changes` of a whole server, as
`tiangong up` runs it (token, validation, policy, log, read model: the answer shows the row), against the library's `save()` in a FastAPI
route. Each as one command starts it (ours has its projector in a process of its own); the same load generator, in this process; one PostgreSQL
as it is installed; alternating, three rounds."""

import asyncio
import itertools
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.http_load import Load, load, post
from tests.bench.measure import ROUNDS, databases, median, show
from tests.bench.peers import library_settings

SECONDS, WARM_UP, CLIENTS = 4.0, 2.0, 64
NUMBERS = itertools.count(1)
ROOT = Path(__file__).parents[2]


@contextmanager
def process(*arguments: str, **variables: str) -> Iterator[int]:
    """A server in a process of its own; its port."""
    with subprocess.Popen((sys.executable, *arguments), cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)} | variables, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:
        assert running.stdout is not None
        try:
            for line in running.stdout:
                if line.startswith("ready "):
                    yield int(line.rpartition(":")[2])
                    break
            else:
                raise RuntimeError(f"{arguments} ended before it was ready")
        finally:
            running.terminate()


def requests(port: int, path: str, token: str) -> list[Callable[[], bytes]]:
    def make() -> bytes:
        payload = {"version_id": "ver_1", "application_ids": ["app_1", "app_2"], "environment_id": "env_1"}
        body = {"title": f"deploy {next(NUMBERS)}", "type": "deployment", "payload": payload, "description": "to production, after lunch"}
        return post(f"127.0.0.1:{port}", path, token, json.dumps(body).encode())

    return [make] * CLIENTS


def measured(ours: int, peer: int, token: str) -> list[tuple[Load, Load]]:
    targets = [(ours, requests(ours, "/api/v1/changes", token)), (peer, requests(peer, "/changes", token))]
    for port, made in targets:
        asyncio.run(load(port, made, 201, WARM_UP))
    return [(asyncio.run(load(*targets[0], 201, SECONDS)), asyncio.run(load(*targets[1], 201, SECONDS))) for _ in range(ROUNDS)]


def main() -> None:
    token = secrets.token_urlsafe(32)
    start = "import sys; from api.cli import main; sys.exit(main())"
    with (databases("ours", "peer") as at, tempfile.TemporaryDirectory() as home,
          process("-c", start, "up", "--home", home, "--port", "0", TIANGONG_DATABASE_URL=at["ours"], TIANGONG_ADMIN_TOKEN=token) as ours,
          process("-m", "tests.bench.http_peer", token, **library_settings(at["peer"])) as peer):
        rounds = measured(ours, peer, token)
    mine, theirs = ([each[side] for each in rounds] for side in (0, 1))
    rate, other = median([each.rate for each in mine]), median([each.rate for each in theirs])
    show(f"POST to committed event to answer, {CLIENTS} clients, answers/s", ours=round(rate), peer="save() in a def FastAPI route", goal=8,
         peer_value=round(other), ratio=round(rate / other, 1), wrong=sum(each.wrong for each in mine + theirs),
         **{f"{who}_{name}_ms": round(median([getattr(each, name) for each in found]), 1)
            for who, found in (("ours", mine), ("peer", theirs)) for name in ("p50", "p99")})


if __name__ == "__main__":
    main()
