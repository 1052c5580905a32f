"""Does a server answer on this socket, and is it ours? Only a connection tells."""

import os
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

PORT = 5432  # names the socket file only: there is no TCP
STARTING_UP = "57P03"


class Answer:
    """`ready`, or why not, in PostgreSQL's words. `starting`: it recovers (or shuts down) and wants to be waited for."""

    def __init__(self, refusal: str = "", *, starting: bool = False) -> None:
        self.ready = not refusal
        self.refusal = refusal
        self.starting = starting


def conninfo(socket: Path) -> str:
    return make_conninfo("", host=str(socket), port=PORT, user="postgres", dbname="postgres")


def probe(socket: Path, cluster: Path) -> Answer:
    try:
        with psycopg.connect(conninfo(socket), connect_timeout=2, autocommit=True) as connection:
            row = connection.execute("show data_directory").fetchone()
    except psycopg.OperationalError as error:
        # a refused connection carries no sqlstate in psycopg: libpq's text is all there is
        words = str(error).strip()
        return Answer(words, starting=error.sqlstate == STARTING_UP or "the database system is" in words)
    if row is None or not _same(row[0], cluster):
        return Answer(f"a server on other data answers on {socket}: {row[0] if row else 'unknown'}")
    return Answer()


def _same(claimed: str, cluster: Path) -> bool:
    try:
        return os.path.samefile(claimed, cluster)
    except OSError:
        return False
