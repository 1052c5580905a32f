"""How many commands a second does the log take? Ours, 64 callers on one event loop, against the library's own `save()`, 16 threads, on the
same server: PostgreSQL as installed, synchronous_commit on; alternating, three rounds, medians. Prints one JSON line."""

import asyncio
import json
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path
from uuid import uuid4

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.event_store.log import PostgresLog
from api.migrate import migrate
from application.house import new_id, utc_now
from application.ports.log import Origin
from domain.version.events import VersionCreated

SECONDS, ROUNDS, CALLERS, THREADS = 2.0, 3, 64, 16


def library(conninfo: str) -> float:
    """Commands a second."""
    at = conninfo_to_dict(conninfo)
    settings = {"PERSISTENCE_MODULE": "eventsourcing.postgres", "POSTGRES_DBNAME": at["dbname"], "POSTGRES_HOST": at["host"], "POSTGRES_PORT": "5432",
                "POSTGRES_USER": at["user"], "POSTGRES_PASSWORD": "none", "POSTGRES_POOL_SIZE": str(THREADS)}
    app, done, until = Application(env={name: str(value) for name, value in settings.items()}), [0] * THREADS, time.monotonic() + SECONDS

    def caller(number: int) -> None:
        while time.monotonic() < until:
            app.save(Aggregate())
            done[number] += 1

    threads = [threading.Thread(target=caller, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    app.close()
    return sum(done) / SECONDS


async def ours(conninfo: str) -> float:
    """Commands a second, with digest chain, command ids and their origin."""
    async with PostgresLog(conninfo) as log:
        done, until = 0, time.monotonic() + SECONDS

        async def caller() -> None:
            nonlocal done
            while time.monotonic() < until:
                fact = VersionCreated(stream=new_id("ver"), version=1, at=utc_now(), by="system:bench", git_tag="v1.0.0", git_commit="abc123def456",
                                      repository="https://git.example/org/repo")
                await log.append([fact], uuid4(), Origin("system:bench", uuid4()))
                done += 1

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return done / SECONDS


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "postgres") as postgres:
        admin = postgres.start()
        with psycopg.connect(admin, autocommit=True) as conn:
            for name in ("ours", "peer"):
                conn.execute(f"create database {name} template template0".encode())
        migrate(make_conninfo(admin, dbname="ours"))
        rounds = [(asyncio.run(ours(make_conninfo(admin, dbname="ours"))), library(make_conninfo(admin, dbname="peer"))) for _ in range(ROUNDS)]
    mine, theirs = (statistics.median(values) for values in zip(*rounds, strict=True))
    print(json.dumps({"what": "log.append, 64 callers, commands/s", "ours": round(mine), "peer": "eventsourcing save(), 16 threads",
                      "peer_value": round(theirs), "ratio": round(mine / theirs, 1), "cores": os.cpu_count()}))


if __name__ == "__main__":
    main()
