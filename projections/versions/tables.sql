create table if not exists versions (
  id text collate "C" primary key,
  git_tag text not null,
  git_commit text not null,
  repository text not null,
  repository_key text collate "C" not null,  -- one spelling for all addresses of a repository
  description text not null,
  source text not null,
  pull_request bigint,
  verified boolean not null,
  tag_created boolean not null,
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  created_position bigint not null,
  position bigint not null,
  stream_version bigint not null
);
create index if not exists versions_newest on versions (created_position) where deleted_at is null;
create index if not exists versions_of_repository on versions (repository_key, created_position);
