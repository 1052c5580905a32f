"""A database as this version of the program wants it."""

import logging

import psycopg

from adapters.event_store.reading import read
from api.migrate import migrate
from projections.catalogue import PROJECTIONS
from projections.engine.rebuild import refresh
from projections.engine.replay import Read

LOCK = 7355613
"""The advisory lock of an upgrade as a whole; the migration and the rebuild have locks of their own."""
PATIENCE = 600
"""Seconds that one starter waits for another's upgrade, which may make read models of a long log again."""
logger = logging.getLogger(__name__)


def upgrade(conninfo: str, read: Read = read) -> None:
    """Create or alter tables. Read models that another version made are made again from the log first, so that the migration never
    meets tables of an older shape. Of several starters one does it, and the others find it done.
    `read`: reads the log, with people's names."""
    with psycopg.connect(conninfo, autocommit=True, application_name="tiangong upgrade") as conn:
        conn.execute(f"set lock_timeout = {PATIENCE * 1000}")
        conn.execute("select pg_advisory_lock(%s)", (LOCK,))  # goes with the connection
        found = conn.execute("select to_regclass('views.built')").fetchone()
        if found and found[0] and (again := refresh(conninfo, read, PROJECTIONS)):
            logger.info("made read models again: %s", ", ".join(again.projections))
        migrate(conninfo)
