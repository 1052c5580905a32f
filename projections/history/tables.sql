-- The last fact with one subject at or before a position is all that still held of that subject then.
create table if not exists environment_history (
  environment_id text collate "C" not null,
  subject text collate "C" not null,  -- an application that was installed, or the topic of a fact about the environment itself
  position bigint not null,
  primary key (environment_id, subject, position)
);

-- A deployment's steps in its lane: each holds from its fact on, until the deployment's next step or its leaving.
create table if not exists lane_history (
  position bigint primary key,
  environment_id text collate "C" not null,
  deployment_id text collate "C" not null,
  held int8range not null
);
create index if not exists lane_history_held on lane_history using gist (held);
create index if not exists lane_history_open on lane_history (deployment_id) where upper_inf(held);
