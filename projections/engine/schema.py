"""The tables of the read models, in any schema. In `views` the migration creates them, by the same files."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from psycopg import sql

from projections.engine.connections import Connection
from projections.engine.projection import Projection

FOLDER = Path(__file__).parent


def create(conn: Connection, schema: str, projections: Sequence[Projection]) -> None:
    """Create the schema and its tables inside the caller's transaction, and leave the connection's search path on them."""
    name = sql.Identifier(schema)
    conn.execute(sql.SQL("create schema {}").format(name))
    conn.execute(sql.SQL("set search_path = {}").format(name))
    conn.execute((FOLDER / "tables.sql").read_text())
    for projection in projections:
        conn.execute(projection.tables)
    bind_counters(conn, projections)
    conn.execute(sql.SQL((FOLDER / "grants.sql").read_text()).format(schema=name))


def bind_counters(conn: Connection, projections: Iterable[Projection]) -> None:
    """Let the tables on the search path keep their counts there."""
    for counters in filter(None, (projection.counters for projection in projections)):
        conn.execute(counters.encode())


def tables_in(conn: Connection, schema: str) -> list[str]:
    found = conn.execute(
        "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = %s and c.relkind in ('r', 'p') order by 1",
        (schema,))
    return [name for (name,) in found]
