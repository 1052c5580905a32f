create table if not exists notifications (
  id text collate "C" primary key,
  rule text not null,
  severity text not null,
  channel text not null,
  destination text not null,
  addressee text collate "C" not null,  -- under whose key an address is
  deployment_id text collate "C" not null,
  task_id text not null,
  subject text not null,
  text text not null,
  status text not null check (status in ('requested', 'sent', 'failed')),
  receipt text not null,
  tries int not null,
  possibly_repeated boolean not null,
  error text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  sent_at timestamptz,
  created_position bigint not null,
  position bigint not null,
  stream_version bigint not null
);
create index if not exists notifications_newest on notifications (created_position);
create index if not exists notifications_of_deployment on notifications (deployment_id, created_position);
create index if not exists notifications_of_addressee on notifications (addressee) where addressee <> '';
alter table notifications alter column destination set statistics 0;  -- samples would outlive the person

-- Those whose addresses are gone: a message to one may have been under way.
create table if not exists notification_forgotten (addressee text collate "C" primary key);
