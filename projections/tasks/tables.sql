create table if not exists tasks (
  id text collate "C" primary key,
  deployment_id text collate "C" not null,
  application_id text collate "C" not null,
  ord int not null,  -- its place in the workflow
  type text not null,
  name text not null,
  depends_on text[] not null,
  config json not null,  -- without secrets
  payload text not null,
  require_confirm boolean not null,
  status text not null check (status in (
    'blocked', 'pending', 'waiting_confirm', 'running', 'success', 'failed', 'cancelled', 'rolled_back')),
  waiting_for json,
  attempt int not null,  -- 0: not released yet
  outcome text,          -- 'unknown': the target is out of sight
  message text not null, -- what is known beside the status, in words
  error_message text not null,
  result json,
  artifact json,
  worker text not null,
  deadline timestamptz,
  confirmed_by text,
  confirmed_at timestamptz,
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  started_at timestamptz,
  completed_at timestamptz,
  created_position bigint not null,
  position bigint not null,
  stream_version bigint not null  -- of the task's own stream; 0 before its first release
);
create index if not exists tasks_newest on tasks (created_position, (-ord));
create index if not exists tasks_of_deployment on tasks (deployment_id, ord);
create index if not exists tasks_in_status on tasks (status, (created_position + 0), (-ord));
create index if not exists tasks_of_type on tasks (type, (created_position + 0), (-ord));
