"""Looks for words in everything that a database holds."""

from collections.abc import Iterable
from pathlib import Path

import psycopg
from psycopg import sql

TABLES = """
select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'm', 'p') and n.nspname !~ '^pg_(toast|temp)' order by 1, 2"""
FILES = """
select pg_relation_filepath(c.oid) from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = any(%s) and c.relkind in ('r', 'i', 't')"""


def tables_with(conn: psycopg.Connection, *words: str) -> list[str]:
    """The tables, of every schema and the catalogue's too, where one of the words stands in a row: as text, or as bytes. Samples
    of the values are taken first, as `analyze` does by itself sooner or later."""
    conn.execute("analyze")
    patterns = [f"%{form}%" for word in words for form in (word, word.encode().hex())]
    found = []
    for schema, table in conn.execute(TABLES).fetchall():
        query = sql.SQL("select count(*) from {} t where t::text ilike any(%s)").format(sql.Identifier(schema, table))
        if conn.execute(query, (patterns,)).fetchone()[0]:
            found.append(f"{schema}.{table}")
    return found


def files_with(conn: psycopg.Connection, schemas: Iterable[str], *words: str) -> list[str]:
    """The files of these schemas' tables and indexes that hold one of the words, dead rows and all, once everything is on the disk."""
    conn.execute("checkpoint")
    folder = Path(conn.execute("show data_directory").fetchone()[0])
    paths = [path for (path,) in conn.execute(FILES, (list(schemas),)).fetchall() if path]
    assert paths
    return [path for path in paths if any(word.encode() in (folder / path).read_bytes() for word in words)]
