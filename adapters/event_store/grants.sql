-- The role of the running server: it may read the log, append to it by the one function, add checkpoints and keep people's keys, nothing else.
-- Roles belong to the whole PostgreSQL server, so that migrations of two databases can meet here; no lock of one database keeps them apart.

do $$ begin
  if not exists (select from pg_roles where rolname = 'tiangong_server') then
    create role tiangong_server nologin;
  end if;
exception
  when duplicate_object or unique_violation then
    null;  -- another database's migration was faster
  when insufficient_privilege then
    raise exception 'the role tiangong_server is missing and % may not create it', current_user
      using errcode = 'insufficient_privilege', hint = 'as an administrator: create role tiangong_server nologin; grant tiangong_server to this user';
end $$;

do $$ begin  -- who migrates may also become the server (a superuser may already)
  if not pg_has_role(current_user, 'tiangong_server', 'set') then
    execute format('grant tiangong_server to %I', current_user);
  end if;
exception when unique_violation then
  null;
end $$;

revoke all on schema log from public;
revoke all on all tables in schema log from public, tiangong_server;
revoke all on all functions in schema log from public, tiangong_server;
grant usage on schema log to tiangong_server;
grant select on all tables in schema log to tiangong_server;
grant execute on function log.append to tiangong_server;
grant insert on log.checkpoints to tiangong_server;
grant insert on log.person_keys, log.person_finders to tiangong_server;
grant update (wrapped, forgotten_at) on log.person_keys to tiangong_server;
grant delete on log.person_finders to tiangong_server;
