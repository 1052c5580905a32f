-- insert_deployment --
insert into deployments (
  id, version_id, repository, git_tag, git_commit, environment_id, environment_name, environment_type, application_ids, application_names, versions,
  artifacts, must_in_order, manual_approval, auto_start, auto_rollback, timeout, rollback_of, change_id, correlation_id, phase, waiting_for,
  error_message, cancel_reason, rollback_id, rollback_error, decision, decision_reason,
  created_by, created_at, updated_at, created_position, position, stream_version)
values (
  %(id)s, %(version_id)s, %(repository)s, %(git_tag)s, %(git_commit)s, %(environment_id)s, %(environment_name)s, %(environment_type)s,
  %(application_ids)s, %(application_names)s, %(versions)s, %(artifacts)s, %(must_in_order)s, %(manual_approval)s, %(auto_start)s,
  %(auto_rollback)s, %(timeout)s, %(rollback_of)s, %(change_id)s, %(correlation_id)s, 'pending', %(waiting_for)s, '', '', '', '', '', '',
  %(by)s, %(at)s, %(at)s, %(position)s, %(position)s, %(version)s);

-- touch --
update deployments set updated_at = %(at)s, position = %(position)s, stream_version = %(version)s where id = %(id)s;

-- queue --
update deployments set waiting_for = %(waiting_for)s, updated_at = %(at)s, position = %(position)s, stream_version = %(version)s
 where id = %(id)s;

-- start --
update deployments set phase = 'running', waiting_for = null, release_number = %(release_number)s, deadline = %(deadline)s, started_at = %(at)s,
       updated_at = %(at)s, position = %(position)s, stream_version = %(version)s
 where id = %(id)s;

-- ask --
update deployments set phase = 'waiting_confirm', waiting_for = %(waiting_for)s, updated_at = %(at)s, position = %(position)s,
       stream_version = %(version)s
 where id = %(id)s;

-- confirm --
update deployments set phase = case when started_at is null then 'pending' else 'running' end, waiting_for = null,
       deadline = coalesce(%(deadline)s, deadline), decision = %(decision)s, decision_reason = %(reason)s, confirmed_by = %(by)s,
       confirmed_at = %(at)s, updated_at = %(at)s, position = %(position)s, stream_version = %(version)s
 where id = %(id)s;

-- retry --
update deployments set phase = 'running', waiting_for = null, error_message = '', rollback_error = '', completed_at = null,
       release_number = %(release_number)s, deadline = %(deadline)s, updated_at = %(at)s, position = %(position)s, stream_version = %(version)s
 where id = %(id)s;

-- succeed --
update deployments set phase = 'success', waiting_for = null, completed_at = %(at)s, updated_at = %(at)s, position = %(position)s,
       stream_version = %(version)s
 where id = %(id)s;

-- fail --
update deployments set phase = 'failed', waiting_for = %(waiting_for)s, error_message = %(error)s, completed_at = %(at)s, updated_at = %(at)s,
       position = %(position)s, stream_version = %(version)s
 where id = %(id)s;

-- cancel --
update deployments set phase = 'cancelled', waiting_for = null, cancel_reason = %(reason)s, completed_at = %(at)s, updated_at = %(at)s,
       position = %(position)s, stream_version = %(version)s
 where id = %(id)s;

-- start_rollback --
update deployments set rollback_id = %(rollback_id)s, rollback_error = '', waiting_for = %(waiting_for)s, updated_at = %(at)s,
       position = %(position)s, stream_version = %(version)s
 where id = %(id)s;

-- roll_back --
update deployments set phase = 'rolled_back', waiting_for = null, rollback_id = %(rollback_id)s, updated_at = %(at)s, position = %(position)s,
       stream_version = %(version)s
 where id = %(id)s;

-- fail_rollback --
update deployments set rollback_id = '', rollback_error = %(error)s, waiting_for = null, updated_at = %(at)s, position = %(position)s,
       stream_version = %(version)s
 where id = %(id)s;
