"""Does a server answer on this socket, and is it ours? Only a connection tells."""

import os
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from adapters.embedded_postgres.deadline import Deadline
from adapters.embedded_postgres.errors import EmbeddedPostgresError
from adapters.embedded_postgres.layout import Layout
from adapters.embedded_postgres.log_file import LogFile

PORT = 5432  # names the socket file only: there is no TCP


@dataclass(frozen=True)
class Answer:
    """`refusal`: why it is not ready, in PostgreSQL's words. `on_its_way`: it recovers or shuts down, and wants to be waited for."""

    refusal: str = ""
    on_its_way: bool = False

    @property
    def ready(self) -> bool:
        return not self.refusal


def conninfo(socket: Path) -> str:
    return make_conninfo("", host=str(socket), port=PORT, user="postgres", dbname="postgres")


def forget_other_databases() -> None:
    """libpq takes what a conninfo leaves open from `PG…` variables (PGSERVICE, PGHOSTADDR, PGOPTIONS): they are about another database, not ours."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        os.environ.pop(name, None)  # another thread may do the same


def probe(socket: Path, cluster: Path) -> Answer:
    try:
        with psycopg.connect(conninfo(socket), connect_timeout=2, autocommit=True) as connection:
            row = connection.execute("select current_setting('data_directory'), pg_is_in_recovery()").fetchone()
    except psycopg.OperationalError as error:
        words = str(error).strip()  # a refused connection carries no sqlstate: the words (always English here) are all there is
        return Answer(words, on_its_way="the database system is" in words)
    directory, recovering = row or ("", False)
    if not _same(directory, cluster):
        return Answer(f"a server on other data answers on {socket}: {directory}")
    return Answer("the database system is in recovery, and takes no changes yet", on_its_way=True) if recovering else Answer()


def _same(claimed: str, cluster: Path) -> bool:
    try:
        return os.path.samefile(claimed, cluster)
    except OSError:
        return False


def give_up(layout: Layout, answer: Answer, deadline: Deadline) -> None:
    """Raise when the deadline has passed. What runs is left running: a recovery should not begin anew."""
    if not deadline.passed():
        return
    if answer.on_its_way:
        advice = "It goes on with that: start again, with a longer deadline"
    else:
        advice = f"End what still runs there (fuser {layout.server_lock}), then start again"
    raise EmbeddedPostgresError(
        f"PostgreSQL on {layout.data} accepts no connections after {deadline.seconds:g} s: {answer.refusal}. {advice}."
        f" The end of {layout.log}:\n{LogFile(layout.log).tail(limit=1000)}"
    )
