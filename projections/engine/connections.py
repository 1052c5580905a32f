"""A connection that writes read models."""

import msgspec
import psycopg
from psycopg import sql
from psycopg.types.json import JsonDumper, set_json_dumps

Connection = psycopg.Connection[tuple]  # rows as psycopg gives them: tuples
encode = msgspec.json.Encoder().encode


def connect(conninfo: str, schema: str = "views", *, lock_timeout: float = 10.0, statement_timeout: float = 60.0) -> Connection:
    """Open a connection in autocommit mode that finds the tables in `schema`; timeouts are in seconds."""
    conn = psycopg.connect(conninfo, autocommit=True, connect_timeout=5)
    conn.execute(sql.SQL("set search_path = {}").format(sql.Identifier(schema)))
    conn.execute(f"set lock_timeout = {round(lock_timeout * 1000)}; set statement_timeout = {round(statement_timeout * 1000)}")
    conn.execute("set timezone = 'UTC'")
    prepare(conn)
    return conn


def prepare(conn: Connection) -> None:
    """Let dicts be parameters for `json` columns, so that projections need not know the driver."""
    conn.adapters.register_dumper(dict, JsonDumper)
    set_json_dumps(encode, conn)
