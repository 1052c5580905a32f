"""The log as it was: the facts of some streams up to a position, and the position that the log had reached at a time. Whatever is asked costs
what it answers, not what the log holds."""

from collections.abc import Sequence
from datetime import datetime

import psycopg

from adapters.event_store.person_keys import ServerKey
from adapters.event_store.reading import Row, records
from domain.errors import Invalid
from domain.recorded import Recorded, Unreadable

WITH_COMMAND = """
select e.notification_id as position, e.originator_id as stream, e.originator_version as version, e.topic, e.state, e.digest,
       c.command_id as command, c.actor, c.correlation_id as correlation, c.causation_id as causation, c.source_ip, c.request_id, c.recorded_at
  from log.stored_events e
  cross join lateral (
    select * from log.stored_events_commands
     where events > 0 and first_position <= e.notification_id
     order by first_position desc limit 1) c"""
OF_STREAMS = f"""{WITH_COMMAND}
 where e.originator_id = any(%(streams)s::text[]) and e.notification_id <= %(upto)s
   and (%(topics)s::text[] is null or e.topic = any(%(topics)s::text[]))
 order by e.notification_id"""
AT_POSITIONS = f"{WITH_COMMAND} where e.notification_id = any(%(positions)s::bigint[]) order by e.notification_id"
# A descent by halves from a power of two that no log reaches: some twenty looks into the index, and the same answer for ever, however the log
# grows. Where the clock was set back, it stops at one of the moments that the clock showed twice.
REACHED_AT = """
with recursive descent(reached, step) as (
  select 0::bigint, 1::bigint << 40
  union all
  select case when d.reached + d.step > h.position then d.reached
              when (select c.recorded_at from log.stored_events_commands c
                     where c.events > 0 and c.first_position <= d.reached + d.step
                     order by c.first_position desc limit 1) <= %(time)s then d.reached + d.step
              else d.reached end, d.step / 2
    from descent d, log.stored_events_head h where d.step > 0)
select reached, %(time)s > clock_timestamp() from descent where step = 0"""


class PastLog:
    """For `projections.travel`; each call uses the caller's connection. `key`: opens people's names, which are hidden without."""

    def __init__(self, key: ServerKey | None = None) -> None:
        self._key = key

    def of_streams(self, conn: psycopg.Connection, streams: Sequence[str], upto: int,
                   topics: Sequence[str] | None = None) -> list[Recorded | Unreadable]:
        """Their facts (or those of some topics) at positions up to `upto`, in the log's order."""
        return self._facts(conn, OF_STREAMS, {"streams": list(streams), "upto": upto, "topics": None if topics is None else list(topics)})

    def at_positions(self, conn: psycopg.Connection, positions: Sequence[int]) -> list[Recorded | Unreadable]:
        """In the log's order."""
        return self._facts(conn, AT_POSITIONS, {"positions": list(positions)})

    def position_at(self, conn: psycopg.Connection, at: int | datetime) -> int:
        """The last position that the log had at a time (0: none yet), or the position itself. Raises Invalid for what has not come yet."""
        if isinstance(at, datetime):
            return reached(conn, at)
        found = conn.execute("select position from log.stored_events_head").fetchone()
        head = int(found[0]) if found else 0
        if at > head:
            raise Invalid(f"the log ends at position {head}", field="at")
        return at

    def _facts(self, conn: psycopg.Connection, query: str, parameters: dict[str, object]) -> list[Recorded | Unreadable]:
        with conn.cursor() as cursor:
            return records(conn, [Row(*row) for row in cursor.execute(query.encode(), parameters, binary=True)], self._key)


def reached(conn: psycopg.Connection, time: datetime) -> int:
    """The last position at a time, by the clock of the database that recorded the facts. Raises Invalid."""
    found = conn.execute(REACHED_AT.encode(), {"time": time}).fetchone()
    assert found is not None
    if found[1]:
        raise Invalid("that time has not come yet", field="at")
    return int(found[0])
