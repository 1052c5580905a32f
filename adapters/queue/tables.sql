-- Released attempts that wait for a worker, or are leased to one. A hint, never the truth: the Task decides.
create schema if not exists ops;
create table if not exists ops.work_queue (
  task_id text collate "C" not null,
  attempt int not null,
  offered_at timestamptz not null default clock_timestamp(),
  lease text,
  lease_until timestamptz,
  worker text,
  primary key (task_id, attempt)
);
create index if not exists work_queue_oldest on ops.work_queue (offered_at);
