"""The schema `log`: its tables, functions and rights."""

from pathlib import Path
from typing import Any

import psycopg

FOLDER = Path(__file__).parent
SQL = tuple((FOLDER / name).read_text() for name in ("log.sql", "grants.sql"))
"""The statements, in order. They may be run again over a log that is in use."""

LOCK = 7355609
"""The advisory lock of every migration: starters that come together would trip over one another's `create`."""


def create(conn: psycopg.Connection[Any]) -> None:
    """Create what is missing, in one transaction. The connection's user needs the right to create schemas and roles."""
    with conn.transaction():
        conn.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
        for statements in SQL:
            conn.execute(statements)
