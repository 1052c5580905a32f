create table if not exists users (
  id text collate "C" primary key,
  username text not null,
  email text not null,
  roles text[] not null,
  is_active boolean not null,
  forgotten_at timestamptz,  -- then name and address are gone
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  created_position bigint not null,
  position bigint not null,
  stream_version bigint not null
);
create index if not exists users_newest on users (created_position);
alter table users alter column username set statistics 0, alter column email set statistics 0;  -- samples would outlive the person

create table if not exists tokens (
  id text collate "C" primary key,
  user_id text collate "C" not null,
  name text not null,
  expires_at timestamptz,
  revoked_at timestamptz,
  revoked_reason text not null,
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  created_position bigint not null,
  position bigint not null,
  stream_version bigint not null
);
create index if not exists tokens_newest on tokens (created_position);
create index if not exists tokens_of_user on tokens (user_id, created_position);
alter table tokens alter column name set statistics 0;
