create table if not exists deliveries (
  id text collate "C" primary key,
  provider text not null,
  event text not null,
  delivery_id text not null,
  repository text not null,
  version_id text not null,
  version_created boolean not null,
  auto_tag text not null,
  ignored text not null,  -- why nothing came of it
  correlation_id uuid not null,
  received_at timestamptz not null,
  created_position bigint not null,
  position bigint not null,
  stream_version bigint not null
);
create index if not exists deliveries_newest on deliveries (created_position);
