create table if not exists deployments (
  id text collate "C" primary key,
  version_id text collate "C" not null,  -- empty where its applications get different versions
  repository text not null,
  git_tag text not null,
  git_commit text not null,
  environment_id text collate "C" not null,
  environment_name text not null,
  environment_type text not null,
  application_ids text[] not null,
  application_names text[] not null,
  versions json not null,   -- by application id: the version it gets
  artifacts json not null,  -- by application id: packages that existed before
  must_in_order text[] not null,
  manual_approval boolean not null,
  auto_start boolean not null,
  auto_rollback boolean not null,
  timeout float8 not null,
  rollback_of text not null,
  change_id text not null,
  correlation_id uuid not null,
  phase text not null check (phase in ('pending', 'running', 'waiting_confirm', 'success', 'failed', 'cancelled', 'rolled_back')),
  status text not null generated always as (  -- REST v1's five words
    case phase when 'waiting_confirm' then 'running' when 'cancelled' then 'failed' else phase end) stored,
  waiting_for json,
  release_number bigint,
  deadline timestamptz,
  error_message text not null,
  cancel_reason text not null,
  rollback_id text not null,
  rollback_error text not null,
  decision text not null,
  decision_reason text not null,
  confirmed_by text,
  confirmed_at timestamptz,
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  started_at timestamptz,
  completed_at timestamptz,
  created_position bigint not null,
  position bigint not null,
  stream_version bigint not null
);
create index if not exists deployments_newest on deployments (created_position);
-- Each for one filter; `+ 0` because a list that is asked for by a column says it so: see `View.filtered`.
create index if not exists deployments_of_environment on deployments (environment_id, (created_position + 0));
create index if not exists deployments_of_version on deployments (version_id, (created_position + 0));
create index if not exists deployments_in_phase on deployments (phase, (created_position + 0));
create index if not exists deployments_in_status on deployments (status, (created_position + 0));
create index if not exists deployments_of_environment_in_status on deployments (environment_id, status, (created_position + 0));
create index if not exists deployments_of_cause on deployments (correlation_id);
