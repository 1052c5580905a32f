"""The database of a server or a tool: the one that was named, or the embedded one in HOME."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.embedded_postgres import EmbeddedPostgres
from api.home import Home
from api.settings import Settings

ROLE = "tiangong_server"
EVERY = 0.5
"""Seconds between two looks whether the embedded database still runs."""
logger = logging.getLogger(__name__)


@contextmanager
def database(settings: Settings, home: Home) -> Iterator[str]:
    """The owner's connection string. An embedded database is started if nobody runs it, and stopped after unless somebody else uses it."""
    with database_of_server(settings, home) as (conninfo, _):
        yield conninfo


@contextmanager
def database_of_server(settings: Settings, home: Home) -> Iterator[tuple[str, EmbeddedPostgres | None]]:
    """The same; and the embedded database, where it is ours to keep running."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value(), None
        return
    home.make()
    postgres = EmbeddedPostgres(home.postgres)
    try:
        yield postgres.start(), postgres
    finally:
        postgres.stop()


async def keep_running(postgres: EmbeddedPostgres) -> None:
    """Start the embedded database again whenever it has died. Whoever waits for it finds it at the same place."""
    while True:
        if await asyncio.to_thread(lambda: postgres.pid) is None:
            logger.error("the database has died and is started again")
            await asyncio.to_thread(postgres.start)
        await asyncio.sleep(EVERY)


def as_server(conninfo: str) -> str:
    """The same database with the rights of the running server only: it appends to the log by one function, and changes nothing there."""
    options = str(conninfo_to_dict(conninfo).get("options") or "")
    return make_conninfo(conninfo, options=f"{options} -c role={ROLE} -c search_path=views,public".strip())
