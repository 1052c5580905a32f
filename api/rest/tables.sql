-- What was answered to each POST with an Idempotency-Key. `status` is null while the first one is in progress.
create table if not exists ops.idempotency_keys (
  actor text not null,
  key text not null,
  method text not null,
  path text not null,
  digest bytea not null,  -- HMAC-SHA-256 of what was asked, under the caller's token: a short secret in it cannot be guessed from here
  holder uuid not null,
  status int,
  headers jsonb,
  body bytea,
  created_at timestamptz not null default clock_timestamp(),
  primary key (actor, key)
);
create index if not exists idempotency_keys_created_at_idx on ops.idempotency_keys (created_at);
do $$ begin  -- answers name people: no samples of them (a column whose type is set loses those that there are)
  if exists (select from pg_attribute
              where attrelid = 'ops.idempotency_keys'::regclass and attname in ('key', 'body') and coalesce(attstattarget, -1) <> 0) then
    alter table ops.idempotency_keys alter column key type text, alter column body type bytea;
    alter table ops.idempotency_keys alter column key set statistics 0, alter column body set statistics 0;
  end if;
end $$;
