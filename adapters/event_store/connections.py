"""Connections that stay open for long: one thread's own, with every wait bounded."""

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

DEFAULTS: dict[str, str | int] = {  # a network that swallows packets ends a connection within a quarter of a minute
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


def bounded(conninfo: str, name: str) -> str:
    """The same with DEFAULTS for what it does not say. `name` is what the server's list of sessions shows."""
    return make_conninfo("", **{**DEFAULTS, **conninfo_to_dict(conninfo), "application_name": name})


def connect(conninfo: str, name: str, *, lock_timeout: float = 10.0, statement_timeout: float = 30.0) -> psycopg.Connection:
    """Open a connection in autocommit mode; timeouts are in seconds."""
    conn = psycopg.connect(bounded(conninfo, name), autocommit=True)
    conn.execute(f"set lock_timeout = {round(lock_timeout * 1000)}; set statement_timeout = {round(statement_timeout * 1000)}")
    conn.execute("set default_transaction_isolation = 'read committed'")  # log.append must see what was committed while it waited
    return conn
