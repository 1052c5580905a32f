create table if not exists audit_logs (
  position bigint primary key,
  user_id text collate "C" not null,
  action text collate "C" not null,
  resource text collate "C" not null,
  resource_id text collate "C" not null,
  resource_version bigint not null,
  timestamp timestamptz not null,
  source_ip text not null,
  request_id text not null,
  command_id uuid not null,
  correlation_id uuid not null,
  causation_id uuid,
  recorded_at timestamptz not null,
  details json not null  -- without secrets
);
create index if not exists audit_logs_of_user on audit_logs (user_id, (position + 0));
create index if not exists audit_logs_of_action on audit_logs (action, (position + 0));
create index if not exists audit_logs_of_resource on audit_logs (resource, (position + 0));
create index if not exists audit_logs_of_thing on audit_logs (resource_id, (position + 0));
create index if not exists audit_logs_in_time on audit_logs (timestamp);
