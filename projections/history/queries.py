"""Which facts still held, of all that a long stream says."""

from projections.engine.connections import Connection

# From subject to subject through the index, so that what an old subject has gone through costs nothing.
HELD = b"""
with recursive subjects(name) as (
  (select subject from environment_history where environment_id = %(id)s order by subject limit 1)
  union all
  select (select subject from environment_history where environment_id = %(id)s and subject > s.name order by subject limit 1)
    from subjects s where s.name is not null)
select last.position
  from subjects s
 cross join lateral (
   select position from environment_history where environment_id = %(id)s and subject = s.name and position <= %(upto)s
    order by position desc limit 1) last
 where s.name is not null
 union
select position from lane_history where held @> %(upto)s::bigint and environment_id = %(id)s"""


def positions_held(conn: Connection, environment: str, upto: int) -> list[int]:
    """Of the facts that make up an environment and its lane as they were at `upto`. The index must have come as far."""
    return [position for (position,) in conn.execute(HELD, {"id": environment, "upto": upto})]
