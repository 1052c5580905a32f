-- The log: every fact, stored once, in one order, that nobody rewrites. May be run again at any time; run it under one lock (see schema.py).

do $$ begin
  if getdatabaseencoding() <> 'UTF8' then
    raise exception 'the log needs a database with the encoding UTF8, this one has %', getdatabaseencoding();
  end if;
end $$;

create schema if not exists log;

-- The columns and names are those that the eventsourcing library's PostgreSQL recorder reads.
create table if not exists log.stored_events (
  originator_id text collate "C" not null,  -- "C": an index that no update of the system's locales can break
  originator_version bigint not null check (originator_version >= 0),
  topic text not null,
  state bytea not null,
  notification_id bigint not null,  -- the position. No default: who does not hold the head cannot write
  digest bytea not null,
  primary key (originator_id, originator_version)
) with (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.01);

-- One row: lock, sequencer and end of the chain.
create table if not exists log.stored_events_head (
  one bool primary key default true check (one),
  position bigint not null,
  digest bytea not null
) with (fillfactor = 10);
insert into log.stored_events_head values (true, 0, sha256('')) on conflict do nothing;

-- Who asked for what, and why. A command's events stand at first_position .. first_position + events - 1.
create table if not exists log.stored_events_commands (
  command_id uuid primary key,
  request bytea not null,  -- SHA-256 of what was asked: the same id with another request is refused
  first_position bigint not null,
  events int not null,
  actor text not null,
  correlation_id uuid not null,
  causation_id uuid,
  source_ip text not null,
  request_id text not null,
  recorded_at timestamptz not null default clock_timestamp()
) with (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.01);

-- Signed by a server now and then: this was the digest at this position. Copies that are kept elsewhere outlive this table.
create table if not exists log.checkpoints (
  position bigint primary key,
  digest bytea not null check (octet_length(digest) = 32),
  signed_at timestamptz not null,
  key_id text not null check (key_id ~ '^[0-9a-f]{64}$'),  -- the Ed25519 public key itself: it is short enough to be its own name
  signature bytea not null check (octet_length(signature) = 64)
);

-- People's keys (docs/decisions/0009-personal-data.md): what the log says of a person can be read as long as the key is here. Null: forgotten.
-- An emptied row is dead in the file until it is vacuumed: soon.
create table if not exists log.person_keys (
  person text collate "C" primary key,
  wrapped bytea,
  created_at timestamptz not null default clock_timestamp(),
  forgotten_at timestamptz
) with (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);

-- Which pseudonym a name or an address has: found by an HMAC under the server's key, so that the log need not hold a digest to guess at.
create table if not exists log.person_finders (
  finder bytea primary key,
  means text collate "C" not null unique,
  created_at timestamptz not null default clock_timestamp()
) with (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);

do $$ begin  -- "create index if not exists" would lock out the writers of a running system even where it exists
  if to_regclass('log.stored_events_notification_id_idx') is null then
    create unique index stored_events_notification_id_idx on log.stored_events (notification_id);
  end if;
  if to_regclass('log.stored_events_commands_first_position_idx') is null then
    create unique index stored_events_commands_first_position_idx on log.stored_events_commands (first_position) where events > 0;
  end if;
end $$;

create or replace function log.refuse_change() returns trigger language plpgsql as $f$
begin
  raise exception 'the log is append-only' using errcode = 'insufficient_privilege';
end $f$;

do $$ begin  -- so would "create or replace trigger"
  if not exists (select from pg_trigger where tgrelid = 'log.stored_events'::regclass and tgname = 'append_only') then
    create trigger append_only before update or delete or truncate on log.stored_events for each statement execute function log.refuse_change();
  end if;
  if not exists (select from pg_trigger where tgrelid = 'log.stored_events_commands'::regclass and tgname = 'append_only') then
    create trigger append_only before update or delete or truncate on log.stored_events_commands for each statement execute function log.refuse_change();
  end if;
  if not exists (select from pg_trigger where tgrelid = 'log.checkpoints'::regclass and tgname = 'append_only') then
    create trigger append_only before update or delete or truncate on log.checkpoints for each statement execute function log.refuse_change();
  end if;
  if not exists (select from pg_trigger where tgrelid = 'log.stored_events_head'::regclass and tgname = 'keep_head') then
    create trigger keep_head before delete or truncate on log.stored_events_head for each statement execute function log.refuse_change();
  end if;
end $$;

-- The chain's link; chain.py has the layout and the same in Python. The append function has it inline: a call costs a fifth of an append.
create or replace function log.link(previous bytea, stream text, version bigint, topic text, state bytea) returns bytea language sql immutable as $f$
  select sha256(previous
    || int4send(octet_length(stream)) || convert_to(stream, 'UTF8') || int8send(version)
    || int4send(octet_length(topic)) || convert_to(topic, 'UTF8') || state)
$f$;

-- Before there were `read_*` (what follows would stand beside it):
drop function if exists log.append(text[], bigint[], text[], bytea[], int[], uuid[], bytea[], text[], uuid[], uuid[], text[], text[]);

-- Appends a batch of commands in one commit. The first five arrays have an entry for each event, in order (`numbers`: its command's place in
-- the batch, from 1, ascending), the next seven one for each command, the `read_*` one for each stream that a command has read and does not
-- write: the version it saw, 0 for a stream without events. Two commands of a batch must not have the same id, and none of them may write a
-- stream that another one writes or has read.
--
-- head         the position before the batch: the events of the commands that are in none of the lists below follow it, in order
-- lost         commands that found a stream not as they expect it: a version is taken, or the one before it is missing, or what they have
--              read is not the newest; nothing of them is stored
-- done         commands that had been stored before, with the first position and the number of their events then; a command that is done
--              finds its own versions taken, and may stand in `lost` as well
-- reused       those of `done` that asked for something else then
create or replace function log.append(
    streams text[], versions bigint[], topics text[], states bytea[], numbers int[],
    ids uuid[], requests bytea[], actors text[], correlations uuid[], causations uuid[], source_ips text[], request_ids text[],
    read_streams text[] default '{}', read_versions bigint[] default '{}', read_numbers int[] default '{}',
    out head bigint, out lost int[], out done int[], out done_first bigint[], out done_events int[], out reused int[])
  language plpgsql security definer
  set search_path = log, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off  -- plans are kept, and those made while the tables are tiny would scan them for ever
  set plan_cache_mode = force_generic_plan  -- to plan anew for each batch takes longer than to carry it out
as $f$
declare
  last bytea;
  digests bytea[];
  firsts bigint[];
  counts int[];
  skip int[];
  size int;
  number int;
  before int := 1;
begin
  select h.position, h.digest into strict head, last from log.stored_events_head h for update;

  select array_agg(array_position(ids, c.command_id)), array_agg(c.first_position), array_agg(c.events),
         array_agg(array_position(ids, c.command_id)) filter (where c.request <> requests[array_position(ids, c.command_id)])
    into done, done_first, done_events, reused
    from log.stored_events_commands c where c.command_id = any (ids);

  select array_agg(distinct x.n) into lost
    from (select e.stream, e.version, e.n, lag(e.version) over (partition by e.n, e.stream collate "C" order by e.i) as before
            from unnest(streams, versions, numbers) with ordinality e(stream, version, n, i)) x
    where x.version is distinct from 1 + coalesce(
      x.before,
      (select s.originator_version from log.stored_events s where s.originator_id = x.stream order by s.originator_version desc limit 1),
      case when x.version in (0, 1) then x.version - 1 end);  -- a new stream begins with 1; the library also knows 0

  if cardinality(read_streams) > 0 then
    select lost || array_agg(distinct x.n) into lost
      from unnest(read_streams, read_versions, read_numbers) x(stream, version, n)
      where x.version is distinct from coalesce(
        (select s.originator_version from log.stored_events s where s.originator_id = x.stream order by s.originator_version desc limit 1), 0);
  end if;

  if done is not null or lost is not null then
    skip := lost || done;
    select coalesce(array_agg(e.stream order by e.i), '{}'), coalesce(array_agg(e.version order by e.i), '{}'), coalesce(array_agg(e.topic order by e.i), '{}'),
           coalesce(array_agg(e.state order by e.i), '{}'), coalesce(array_agg(e.n order by e.i), '{}')
      into streams, versions, topics, states, numbers
      from unnest(streams, versions, topics, states, numbers) with ordinality e(stream, version, topic, state, n, i)
      where e.n <> all (skip);
  end if;

  size := cardinality(streams);
  firsts := array_fill(head + size + 1, array[cardinality(ids)]);
  counts := array_fill(0, array[cardinality(ids)]);
  for i in 1..size loop
    number := numbers[i];
    if number > cardinality(ids) or number < before then
      raise exception 'the events of a batch must stand in the order of its commands' using errcode = 'invalid_parameter_value';
    end if;
    if counts[number] = 0 then
      firsts[number] := head + i;
    end if;
    counts[number] := counts[number] + 1;
    before := number;
    last := sha256(last
      || int4send(octet_length(streams[i])) || convert_to(streams[i], 'UTF8') || int8send(versions[i])
      || int4send(octet_length(topics[i])) || convert_to(topics[i], 'UTF8') || states[i]);
    digests[i] := last;
  end loop;

  insert into log.stored_events (originator_id, originator_version, topic, state, notification_id, digest)
    select e.stream, e.version, e.topic, e.state, head + e.i, e.digest
      from unnest(streams, versions, topics, states, digests) with ordinality e(stream, version, topic, state, digest, i);

  insert into log.stored_events_commands
      (command_id, request, first_position, events, actor, correlation_id, causation_id, source_ip, request_id)
    select c.id, c.request, c.first, c.events, c.actor, c.correlation, c.causation, c.source_ip, c.request_id
      from unnest(ids, requests, firsts, counts, actors, correlations, causations, source_ips, request_ids)
             with ordinality c(id, request, first, events, actor, correlation, causation, source_ip, request_id, n)
      where skip is null or c.n <> all (skip);

  if size > 0 then
    update log.stored_events_head set position = head + size, digest = last;
    notify stored_events;  -- the channel on which the library listens too
  end if;
end $f$;

-- Is the chain whole between two positions? Null if it is, else the first position that is missing or not what was stored.
create or replace function log.verify(first_position bigint, last_position bigint) returns bigint language plpgsql stable as $f$
declare
  digest bytea := sha256('');
  at bigint := first_position;
  e record;
begin
  if first_position > 1 then
    select s.digest into digest from log.stored_events s where s.notification_id = first_position - 1;
  end if;
  for e in select s.* from log.stored_events s where s.notification_id between first_position and last_position order by s.notification_id loop
    digest := log.link(digest, e.originator_id, e.originator_version, e.topic, e.state);
    if e.notification_id <> at or digest is distinct from e.digest then
      return at;
    end if;
    at := at + 1;
  end loop;
  return case when at <= last_position then at end;
end $f$;
