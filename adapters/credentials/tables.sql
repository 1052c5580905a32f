-- Which token a value is, by the SHA-256 digest of the value. Not in the log: nothing there to attack.
create schema if not exists ops;
create table if not exists ops.credentials (digest bytea primary key, token_id text not null, created_at timestamptz not null default now());
