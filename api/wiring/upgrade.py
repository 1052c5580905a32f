"""A database as this version of the program wants it."""

import logging

import psycopg

from adapters.event_store.reading import read
from api.migrate import migrate
from projections.catalogue import PROJECTIONS
from projections.engine.rebuild import refresh

logger = logging.getLogger(__name__)


def upgrade(conninfo: str) -> None:
    """Create or alter tables. Read models that another version made are made again from the log first, so that the migration never
    meets tables of an older shape."""
    with psycopg.connect(conninfo, autocommit=True) as conn:
        found = conn.execute("select to_regclass('views.built')").fetchone()
    if found and found[0] and (again := refresh(conninfo, read, PROJECTIONS)):
        logger.info("made read models again: %s", ", ".join(again.projections))
    migrate(conninfo)
