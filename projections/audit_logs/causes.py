"""Why something happened: from a fact back, command by command, to the one that nothing led to."""

from psycopg_pool import AsyncConnectionPool

from projections.engine.listing import Row, fetch
from projections.users.people import join_person, printed

CAUSES = f"""
with recursive chain as (
  (select 1 as step, c.command_id, c.causation_id, c.first_position, c.events
     from log.stored_events_commands c where c.events > 0 and c.first_position <= %(position)s
    order by c.first_position desc limit 1)
  union all
  select chain.step + 1, c.command_id, c.causation_id, c.first_position, c.events
    from chain join log.stored_events_commands c on c.command_id = chain.causation_id and c.first_position < chain.first_position
)
select case when chain.step = 1 then %(position)s else chain.first_position end as position, a.facts, l.action, l.resource, l.resource_id, l.user_id,
       {printed("l.user_id")} as username, l.timestamp, l.source_ip, l.request_id, chain.command_id::text, l.correlation_id::text,
       chain.causation_id::text
  from chain
  join audit_logs l on l.position = case when chain.step = 1 then %(position)s else chain.first_position end
  cross join lateral (
    select json_agg(json_build_object('position', f.position, 'action', f.action, 'resource_id', f.resource_id) order by f.position) as facts
      from audit_logs f where f.position between chain.first_position and chain.first_position + chain.events - 1) a
  {join_person("l.user_id")}
 order by chain.step"""


async def causes(pool: AsyncConnectionPool, position: int) -> list[Row]:
    """A step for each command, the fact's own first: its first fact (of the first step: the fact itself), and `facts`, all that it stored.
    Empty where the audit has no such position. Every cause stands before what it led to, so that the way back has an end."""
    return await fetch(pool, CAUSES, {"position": position})
