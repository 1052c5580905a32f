-- How far each process has read the log, and what it could not do.
create schema if not exists ops;
create table if not exists ops.process_positions (name text primary key, position bigint not null);
insert into ops.process_positions values ('processes', 0) on conflict do nothing;
-- What runs apart from the others since some version goes on where they were, and does not begin again with what they have done.
insert into ops.process_positions select 'auto_deploy', position from ops.process_positions where name = 'processes' on conflict do nothing;
create table if not exists ops.process_failures (
  process text not null, position bigint not null, wish text not null, error text not null, at timestamptz not null default now(),
  primary key (process, position, wish));
