-- Secret settings, encrypted; events hold the reference.
create schema if not exists ops;
create table if not exists ops.secrets (reference text primary key, ciphertext bytea not null, created_at timestamptz not null default now());
