"""The database of a server or a tool: the one that was named, or the embedded one in HOME."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.event_store.connections import bounded
from api.home import Home
from api.settings import Settings, SettingsError

ROLE = "tiangong_server"
EVERY = 0.5
"""Seconds between two looks whether the embedded database still runs."""
logger = logging.getLogger(__name__)


@contextmanager
def database(settings: Settings, home: Home, *, empty: bool = False) -> Iterator[str]:
    """The owner's connection string. An embedded database is started if nobody runs it, and stopped after unless somebody else uses it.
    `empty`: it may be one that has nothing in it yet. Raises SettingsError for one that should have and has not."""
    if not empty and settings.database_url is None and not home.postgres.exists():
        raise SettingsError(f"there is no database in {home.path}: `tiangong up` makes one; or name another --home or --database-url")
    with database_of_server(settings, home) as (conninfo, _):
        if not empty:
            must_be_ready(conninfo)
        yield conninfo


@contextmanager
def database_of_server(settings: Settings, home: Home) -> Iterator[tuple[str, EmbeddedPostgres | None]]:
    """The same; and the embedded database, where it is ours to keep running."""
    if settings.database_url is not None:
        yield named(settings.database_url.get_secret_value()), None
        return
    home.make()
    postgres = EmbeddedPostgres(home.postgres)
    try:
        yield postgres.start(), postgres
    finally:
        postgres.stop()


def named(conninfo: str) -> str:
    """Raises SettingsError for what libpq does not understand; the error does not repeat it, it may hold a password."""
    try:
        conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError:
        raise SettingsError("DATABASE_URL is no address of a PostgreSQL: postgresql://user:password@host:port/name "
                            "(with what is special in a password written as %XX)") from None
    return conninfo


async def keep_running(postgres: EmbeddedPostgres) -> None:
    """Start the embedded database again whenever it has died. Whoever waits for it finds it at the same place."""
    while True:
        if await asyncio.to_thread(lambda: postgres.pid) is None:
            logger.error("the database has died and is started again")
            await asyncio.to_thread(postgres.start)
        await asyncio.sleep(EVERY)


def as_server(conninfo: str) -> str:
    """The same database with the rights of the running server only: it appends to the log by one function, and changes nothing there.
    No statement lasts for ever, and who sleeps inside a transaction keeps nobody waiting for ever."""
    options = str(conninfo_to_dict(conninfo).get("options") or "")
    ours = f"-c role={ROLE} -c search_path=views,public -c timezone=UTC -c statement_timeout=60000 -c idle_in_transaction_session_timeout=60000"
    return make_conninfo(conninfo, options=f"{options} {ours}".strip())


def must_be_ready(conninfo: str) -> None:
    """Raises SettingsError where the tables are missing or not for us, and psycopg.OperationalError where the database cannot be reached:
    said once, at the start, in place of one failed loop after the other."""
    try:
        with psycopg.connect(bounded(conninfo, "tiangong start"), autocommit=True) as conn:
            conn.execute("select (select position from log.stored_events_head), (select position from views.positions limit 1), "
                         "(select count(*) from ops.process_positions)")
    except psycopg.ProgrammingError as error:
        said = error.diag.message_primary or type(error).__name__
        raise SettingsError(f"the database is not set up for this server ({said}): run `tiangong migrate`") from error
