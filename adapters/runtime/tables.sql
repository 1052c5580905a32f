-- How far each process has read the log, and what it could not do.
create schema if not exists ops;
create table if not exists ops.process_positions (name text primary key, position bigint not null);
create table if not exists ops.process_failures (
  process text not null, position bigint not null, wish text not null, error text not null, at timestamptz not null default now(),
  primary key (process, position, wish));
