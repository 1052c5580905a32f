"""The queue's statements."""

CHANNEL = "work_queue"
# `unheard`: leases that nobody knows he has; what they hold is as it was before.
CLAIM = """
with free as materialized (
  select task_id, attempt, case when lease <> all(%(unheard)s::text[]) then lease end as before from ops.work_queue
   where lease is null or lease_until < clock_timestamp() or lease = any(%(unheard)s::text[])
   order by offered_at limit %(most)s for update skip locked)
update ops.work_queue q set lease = %(lease)s, lease_until = clock_timestamp() + make_interval(secs => %(seconds)s), worker = %(worker)s
  from free where q.task_id = free.task_id and q.attempt = free.attempt
returning q.task_id, q.attempt, free.before is null, q.causation_id, q.correlation_id"""
NEXT_FREE = "select extract(epoch from min(lease_until) - clock_timestamp())::float8 from ops.work_queue"
CHANGE = f"""
with over as (
  delete from ops.work_queue q using jsonb_array_elements(%s::jsonb) o where q.task_id = o->>0 and q.attempt = (o->>1)::int
), put as (
  insert into ops.work_queue (task_id, attempt, lease, lease_until, worker, causation_id, correlation_id)
  select p.task, p.attempt, nullif(p.lease, ''), case when p.lease <> '' then clock_timestamp() + make_interval(secs => %s) end, nullif(p.worker, ''),
         (p.cause->>'command')::uuid, (p.cause->>'correlation')::uuid
    from jsonb_to_recordset(%s::jsonb) p(task text, attempt int, cause jsonb, lease text, worker text)
  on conflict do nothing returning 1
)
select pg_notify('{CHANNEL}', '') from put limit 1"""
RENEW = """
update ops.work_queue set lease_until = clock_timestamp() + make_interval(secs => %s) where task_id = %s and attempt = %s and lease = %s"""
KEEP = """
insert into ops.work_queue as q (task_id, attempt, lease, lease_until, worker)
values (%(task)s, %(attempt)s, %(lease)s, clock_timestamp() + make_interval(secs => %(seconds)s), %(worker)s)
on conflict (task_id, attempt) do update set lease = excluded.lease, lease_until = excluded.lease_until
  where q.lease is null or q.lease = excluded.lease"""
LEAVE = """
update ops.work_queue set lease = %s, worker = %s, lease_until = clock_timestamp() + make_interval(secs => %s)
 where task_id = %s and attempt = %s and lease = %s"""
DONE = "delete from ops.work_queue where task_id = %s and attempt = %s and lease = %s"
