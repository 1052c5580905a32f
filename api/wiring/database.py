"""The database of a server or a tool: the one that was named, or the embedded one in HOME."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.embedded_postgres import EmbeddedPostgres
from api.home import Home
from api.settings import Settings

ROLE = "tiangong_server"


@contextmanager
def database(settings: Settings, home: Home) -> Iterator[str]:
    """The owner's connection string. An embedded database is started if nobody runs it, and stopped after unless somebody else uses it."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    home.make()
    postgres = EmbeddedPostgres(home.postgres)
    try:
        yield postgres.start()
    finally:
        postgres.stop()


def as_server(conninfo: str) -> str:
    """The same database with the rights of the running server only: it appends to the log by one function, and changes nothing there."""
    options = str(conninfo_to_dict(conninfo).get("options") or "")
    return make_conninfo(conninfo, options=f"{options} -c role={ROLE} -c search_path=views,public".strip())
