"""What the benchmarks share: a server of their own, rounds that alternate, and one JSON line a figure."""

import json
import math
import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from adapters.embedded_postgres import EmbeddedPostgres
from api.migrate import migrate

ROUNDS = 3


@contextmanager
def databases(*names: str, migrated: Sequence[str] = ()) -> Iterator[dict[str, str]]:
    """Connection strings of fresh databases of one embedded PostgreSQL as it is installed; those in `migrated` have our tables."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "postgres") as postgres:
        admin = postgres.start()
        with psycopg.connect(admin, autocommit=True) as conn:
            for name in names:
                conn.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        found = {name: make_conninfo(admin, dbname=name, options="-c search_path=views,public") for name in names}
        for name in migrated:
            migrate(found[name])
        yield found


def percentile(values: Sequence[float], share: float) -> float:
    """`share` between 0 and 1; the value that so many are not above."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def show(what: str, **figures: object) -> None:
    """One line: what was measured, the figures, and how many cores there were."""
    print(json.dumps({"what": what, **figures, "cores": os.cpu_count()}, ensure_ascii=False), flush=True)
