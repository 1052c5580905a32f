create table if not exists changes (
  id text collate "C" primary key,
  title text not null,
  description text not null,
  type text not null,
  status text not null check (status in ('draft', 'submitted', 'approved', 'rejected', 'executing', 'completed', 'failed', 'cancelled')),
  payload json not null,
  plan_digest text not null,
  applicant_id text not null,
  approver_id text,
  comment text not null,  -- why it was approved, rejected or cancelled
  error text not null,
  deployment_id text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  submitted_at timestamptz,
  decided_at timestamptz,
  completed_at timestamptz,
  created_position bigint not null,
  position bigint not null,
  stream_version bigint not null
);
create index if not exists changes_newest on changes (created_position);
create index if not exists changes_in_status on changes (status, created_position);
