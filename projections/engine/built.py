"""By which code the tables were made. What other code has made is made again before today's goes on with it."""

from collections.abc import Iterable

from projections.engine.connections import Connection
from projections.engine.projection import Projection

RECORD = """
insert into built (projection, fingerprint) values (%s, %s)
on conflict (projection) do update set fingerprint = excluded.fingerprint"""


def record(conn: Connection, projections: Iterable[Projection]) -> None:
    """The tables on the search path are made by today's code from the first fact on."""
    with conn.cursor() as cursor:
        cursor.executemany(RECORD, [(projection.name, projection.fingerprint) for projection in projections])


def stale(conn: Connection, projections: Iterable[Projection]) -> list[str]:
    """Names of the projections whose tables hold what other code has made of the log; none while they are empty."""
    row = conn.execute("select position from positions where name = 'views'").fetchone()
    if row is None or row[0] == 0:
        return []
    built = dict(conn.execute("select projection, fingerprint from built").fetchall())
    return [projection.name for projection in projections if built.get(projection.name) != projection.fingerprint]
