create table if not exists applications (
  id text collate "C" primary key,
  name text not null,
  repository text not null,
  repository_key text collate "C" not null,
  type text not null,
  config json not null,  -- without secrets
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  created_position bigint not null,
  position bigint not null,
  stream_version bigint not null
);
create index if not exists applications_newest on applications (created_position) where deleted_at is null;
create index if not exists applications_of_repository on applications (repository_key, created_position) where deleted_at is null;
