"""The one migration: every room's tables, under one lock, so that several starters never meet. Run again, it changes nothing."""

from pathlib import Path

import psycopg

from projections.catalogue import PROJECTIONS
from projections.engine.schema import bind_counters

ROOT = Path(__file__).parent.parent
LOCK = 7355609
PATIENCE = 60
LOG = ("adapters/event_store/log.sql", "adapters/event_store/grants.sql")
SERVER_RIGHTS = """
grant usage on schema ops, views to tiangong_server;
grant select, insert, update, delete on all tables in schema ops, views to tiangong_server;
"""
"""The running server reads and writes what can be rebuilt or is not part of the log; into the log it only appends."""


def migrate(conninfo: str) -> None:
    """Create what is missing, in one transaction. The connection's user owns everything; the server later acts as `tiangong_server`.
    Raises psycopg.errors.LockNotAvailable where another migration, or who uses a table, does not let go within PATIENCE seconds."""
    with psycopg.connect(conninfo, autocommit=True, application_name="tiangong migrate") as conn, conn.transaction():
        conn.execute(f"set local lock_timeout = {PATIENCE * 1000}")
        conn.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
        for name in LOG:
            conn.execute((ROOT / name).read_text().encode())
        conn.execute("create schema if not exists ops; create schema if not exists views")
        for path in operations():
            conn.execute(path.read_text().encode())
        conn.execute("set local search_path = views")
        for path in views():
            conn.execute(path.read_text().encode())
        bind_counters(conn, PROJECTIONS)
        conn.execute(SERVER_RIGHTS.encode())


def operations() -> list[Path]:
    """Tables that are neither log nor read model, in the folders of those who use them."""
    return sorted([*ROOT.glob("adapters/*/tables.sql"), *ROOT.glob("api/*/tables.sql")])


def views() -> list[Path]:
    """Tables of the read models; they name no schema, so that a rebuild can make them elsewhere."""
    return sorted(ROOT.glob("projections/*/tables.sql"))
