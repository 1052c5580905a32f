-- Deadlines, reminders and retries that are still to come. Made of facts; a row goes when the fact that ends it is handled.
create schema if not exists ops;
create table if not exists ops.timers (
  id text collate "C" primary key,
  stream text not null,
  kind text not null,
  due timestamptz not null,
  tries int not null default 0
);
create index if not exists timers_due on ops.timers (due);
