"""The program of a second hand (see `projections.engine.hand`): takes pages from its standard input and brings them into the tables."""

import contextlib
import pickle
import sys
from typing import Any

import psycopg

from projections.engine.connections import Connection, connect, steady
from projections.engine.hand import DONE, NOT_DONE, READY, Parcel
from projections.engine.projector import CHANNEL, move_to, stands_at
from projections.engine.steps import perform


def main() -> None:
    """Until there is nobody any more who wants it, or the database is away."""
    if (conninfo := given()) is None:
        return
    with contextlib.suppress(psycopg.OperationalError, psycopg.InterfaceError, BrokenPipeError), connect(conninfo) as conn:
        steady(conn)
        conn.execute("set synchronous_commit = off")  # as the projector does
        answer(READY)
        while parcel := given():
            answer(DONE if done(conn, parcel) else NOT_DONE)


def given() -> Any:
    """None: nothing comes any more, or the half of it. Whoever speaks to us has started us: it may be a pickle."""
    try:
        return pickle.load(sys.stdin.buffer)  # noqa: S301
    except (EOFError, pickle.UnpicklingError):
        return None


def answer(word: bytes) -> None:
    sys.stdout.buffer.write(word)
    sys.stdout.buffer.flush()


def done(conn: Connection, parcel: Parcel) -> bool:
    """False where the tables stand elsewhere, or something is refused: that has its long way. Raises what tells that the connection is no more."""
    try:
        with conn.transaction():
            if stands_at(conn, lock=True) != parcel.first - 1 or parcel.first == 1:
                return False
            perform(conn, parcel.steps)
            move_to(conn, parcel.last)
    except psycopg.Error:
        if conn.broken:
            raise
        return False
    conn.execute("select pg_notify(%s, %s)", (CHANNEL, str(parcel.last)))
    return True


if __name__ == "__main__":
    main()
