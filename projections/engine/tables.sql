-- How far the read models have come: a position of the log. Moved in the transaction that changes the tables.
create table if not exists positions (
  name text primary key,
  position bigint not null
) with (fillfactor = 10);
insert into positions (name, position) values ('views', 0) on conflict do nothing;

-- Facts that a projection could not take: everything else went on without them.
create table if not exists quarantine (
  projection text not null,
  position bigint not null,
  stream text not null,
  topic text not null,
  error text not null,
  at timestamptz not null,  -- when the fact was recorded: a replay comes to the same row
  primary key (projection, position)
);

-- By which code each projection's tables were made: where that is not today's, they are made again.
create table if not exists built (
  projection text primary key,
  fingerprint text not null
);
