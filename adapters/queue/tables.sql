-- Released attempts that wait for a worker, or are leased to one. A hint, never the truth: the Task decides.
create schema if not exists ops;
create table if not exists ops.work_queue (
  task_id text collate "C" not null,
  attempt int not null,
  offered_at timestamptz not null default clock_timestamp(),
  lease text,
  lease_until timestamptz,
  worker text,
  causation_id uuid,    -- the command that released it, so that nobody need look for that
  correlation_id uuid,
  primary key (task_id, attempt)
);
alter table ops.work_queue add column if not exists causation_id uuid, add column if not exists correlation_id uuid;
create index if not exists work_queue_oldest on ops.work_queue (offered_at);
