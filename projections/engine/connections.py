"""A connection that writes read models."""

import msgspec
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.json import JsonDumper

Connection = psycopg.Connection[tuple]  # rows as psycopg gives them: tuples
encode = msgspec.json.Encoder().encode
BOUNDS: dict[str, str | int] = {  # a network that swallows packets ends a connection within a quarter of a minute
    "connect_timeout": 5, "keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 3, "tcp_user_timeout": 15_000,
}

SCANNING = ("seqscan", "bitmapscan", "hashjoin", "mergejoin")


def connect(conninfo: str, schema: str = "views", *, lock_timeout: float = 10.0, statement_timeout: float = 60.0) -> Connection:
    """Open a connection in autocommit mode that finds the tables in `schema`; timeouts are in seconds."""
    conn = psycopg.connect(bounded(conninfo, "tiangong projections"), autocommit=True)
    conn.execute(sql.SQL("set search_path = {}").format(sql.Identifier(schema)))
    conn.execute(f"set lock_timeout = {round(lock_timeout * 1000)}; set statement_timeout = {round(statement_timeout * 1000)}")
    conn.execute("set timezone = 'UTC'")
    prepare(conn)
    return conn


def bounded(conninfo: str, name: str) -> str:
    """The same with BOUNDS for what it does not say. `name` is what the server's list of sessions shows."""
    return make_conninfo("", **{**BOUNDS, **conninfo_to_dict(conninfo), "application_name": name})


def prepare(conn: Connection) -> None:
    """Let dicts, and documents that are JSON already, be parameters for `json` columns, so that projections need not know the driver."""
    conn.adapters.register_dumper(dict, Document)
    conn.adapters.register_dumper(msgspec.Raw, Document)


def steady(conn: Connection) -> None:
    """Let rows be found by the index of their key, always: plans are kept, and those made while the tables are tiny would scan them for ever."""
    for method in SCANNING:
        conn.execute(f"set enable_{method} = off".encode())


def free(conn: Connection) -> None:
    """As the server is set up."""
    for method in SCANNING:
        conn.execute(f"reset enable_{method}".encode())


class Document(JsonDumper):
    """The same bytes whichever way a row is written."""

    _dumps = staticmethod(encode)
