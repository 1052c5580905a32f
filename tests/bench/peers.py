"""The library as a peer: its settings, and `save()` from threads as its users call it."""

import threading
import time
from typing import Any

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from psycopg.conninfo import conninfo_to_dict

THREADS = 16


def library_settings(conninfo: str, threads: int = THREADS) -> dict[str, str]:
    """Its environment for a database: a connection for each thread."""
    at = conninfo_to_dict(conninfo)
    return {"PERSISTENCE_MODULE": "eventsourcing.postgres", "POSTGRES_DBNAME": str(at["dbname"]), "POSTGRES_HOST": str(at["host"]),
            "POSTGRES_PORT": str(at.get("port", 5432)), "POSTGRES_USER": str(at["user"]), "POSTGRES_PASSWORD": "none",
            "POSTGRES_POOL_SIZE": str(threads)}


def saves(conninfo: str, seconds: float, threads: int = THREADS) -> list[float]:
    """Save new aggregates for so long; the seconds that each took."""
    app, until = Application[Any](env=library_settings(conninfo, threads)), time.monotonic() + seconds
    took: list[list[float]] = [[] for _ in range(threads)]

    def caller(mine: list[float]) -> None:
        while time.monotonic() < until:
            began = time.perf_counter()
            app.save(Aggregate())
            mine.append(time.perf_counter() - began)

    running = [threading.Thread(target=caller, args=(mine,)) for mine in took]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    app.close()
    return [each for mine in took for each in mine]
