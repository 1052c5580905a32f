-- Lines of one attempt: `lines` is a JSON array of {seq, timestamp, level, message}, numbered from first_seq on.
create schema if not exists ops;
create table if not exists ops.log_chunks (
  task_id text collate "C" not null,
  attempt int not null,
  first_seq bigint not null,
  count int not null,
  lines bytea not null,
  source_offset bigint not null,  -- how far the source was read once these lines are stored
  stored_at timestamptz not null default clock_timestamp(),
  primary key (task_id, attempt, first_seq)
);

-- One row an attempt, from the first opening on; closed_at is null while somebody writes, or if he died.
create table if not exists ops.log_ends (
  task_id text collate "C" not null,
  attempt int not null,
  opened int not null,            -- how often: more than once means that lines may be missing in between
  lines bigint,
  digest bytea,                   -- SHA-256 over every line's JSON, each followed by a newline
  complete boolean,
  opened_at timestamptz not null default clock_timestamp(),
  closed_at timestamptz,
  primary key (task_id, attempt)
);
