create table if not exists environments (
  id text collate "C" primary key,
  name text not null,
  type text not null,
  config json not null,  -- without secrets
  is_active boolean not null,
  status text not null check (status in ('unknown', 'healthy', 'degraded', 'unreachable')),
  message text not null,
  checked_at timestamptz,
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  created_position bigint not null,
  position bigint not null,
  stream_version bigint not null
);
create index if not exists environments_newest on environments (created_position) where deleted_at is null;

-- Deployments that may change an environment now (`inside`) or wait for it.
create table if not exists environment_lane (
  deployment_id text collate "C" primary key,
  lane_id text not null,
  environment_id text collate "C" not null,
  application_ids text[] not null,
  inside boolean not null,
  number bigint,
  behind text[] not null,
  since timestamptz not null,
  position bigint not null
);
create index if not exists environment_lane_of_environment on environment_lane (environment_id, position);

-- What the last successful deployment of each application left running.
create table if not exists environment_installed (
  environment_id text collate "C" not null,
  application_id text collate "C" not null,
  deployment_id text not null,
  version_id text not null,
  git_tag text not null,
  git_commit text not null,
  artifact json,
  since timestamptz not null,
  primary key (environment_id, application_id)
);
