-- insert_task --
insert into tasks (id, deployment_id, application_id, ord, type, name, depends_on, config, payload, require_confirm, status, attempt, message,
                   error_message, worker, created_by, created_at, updated_at, created_position, position, stream_version)
values (%(task_id)s, %(id)s, %(application_id)s, %(ord)s, %(type)s, %(name)s, %(depends_on)s, %(config)s, %(payload)s, %(require_confirm)s,
        %(status)s, 0, '', '', '', %(by)s, %(at)s, %(at)s, %(position)s, %(position)s, 0);

-- drop_others --
delete from tasks where deployment_id = %(id)s and id <> all(%(task_ids)s);

-- put_task --
insert into tasks (id, deployment_id, application_id, ord, type, name, depends_on, config, payload, require_confirm, status, attempt, message,
                   error_message, worker, created_by, created_at, updated_at, created_position, position, stream_version)
values (%(task_id)s, %(id)s, %(application_id)s, %(ord)s, %(type)s, %(name)s, %(depends_on)s, %(config)s, %(payload)s, %(require_confirm)s,
        %(status)s, 0, '', '', '', %(by)s, %(at)s, %(at)s, %(position)s, %(position)s, 0)
on conflict (id) do update
   set application_id = excluded.application_id, ord = excluded.ord, type = excluded.type, name = excluded.name, depends_on = excluded.depends_on,
       config = excluded.config, payload = excluded.payload, require_confirm = excluded.require_confirm,
       status = case when tasks.attempt = 0 and tasks.status in ('blocked', 'pending') then excluded.status else tasks.status end,
       updated_at = excluded.updated_at, position = excluded.position;

-- release --
update tasks set status = 'pending', waiting_for = null, updated_at = %(at)s, position = %(position)s where id = any(%(task_ids)s);

-- hold --
update tasks set status = 'waiting_confirm', waiting_for = %(waiting_for)s, updated_at = %(at)s, position = %(position)s
 where id = any(%(task_ids)s);

-- block_again --
update tasks set status = 'blocked', waiting_for = null, outcome = null, message = '', error_message = '', result = null, worker = '', deadline = null,
       confirmed_by = null, confirmed_at = null, started_at = null, completed_at = null, updated_at = %(at)s, position = %(position)s
 where id = any(%(task_ids)s);

-- keep_artifact --
update tasks set artifact = %(artifact)s, position = %(position)s where id = %(task_id)s;

-- agree --
update tasks set confirmed_by = %(by)s, confirmed_at = %(at)s, message = %(reason)s, updated_at = %(at)s, position = %(position)s
 where id = %(task_id)s;

-- refuse --
update tasks set status = 'failed', waiting_for = null, confirmed_by = %(by)s, confirmed_at = %(at)s, error_message = %(error)s,
       completed_at = %(at)s, updated_at = %(at)s, position = %(position)s
 where id = %(task_id)s;

-- cancel_what_waits --
update tasks set status = 'cancelled', waiting_for = null, completed_at = %(at)s, updated_at = %(at)s, position = %(position)s
 where deployment_id = %(id)s and status || '' in ('blocked', 'pending', 'waiting_confirm') and id <> all(%(stopping)s);

-- roll_back_successes --
-- `|| ''`: found by the deployment's index, never by the status', of which most rows have this one
update tasks set status = 'rolled_back', updated_at = %(at)s, position = %(position)s where deployment_id = %(id)s and status || '' = 'success';

-- begin_attempt --
update tasks set attempt = %(attempt)s, status = 'pending', waiting_for = null, updated_at = %(at)s, position = %(position)s,
       stream_version = %(version)s
 where id = %(id)s;

-- start --
update tasks set status = 'running', worker = %(worker)s, deadline = %(deadline)s, started_at = %(at)s, updated_at = %(at)s,
       position = %(position)s, stream_version = %(version)s
 where id = %(id)s;

-- take_over --
update tasks set worker = %(worker)s, updated_at = %(at)s, position = %(position)s, stream_version = %(version)s where id = %(id)s;

-- succeed --
update tasks set status = 'success', waiting_for = null, outcome = null, message = '', result = %(result)s, completed_at = %(at)s,
       updated_at = %(at)s, position = %(position)s, stream_version = %(version)s
 where id = %(id)s;

-- fail --
update tasks set status = 'failed', waiting_for = null, outcome = null, message = '', error_message = %(error)s, result = %(result)s,
       completed_at = %(at)s, updated_at = %(at)s, position = %(position)s, stream_version = %(version)s
 where id = %(id)s;

-- lose_sight --
update tasks set outcome = 'unknown', message = %(reason)s, updated_at = %(at)s, position = %(position)s, stream_version = %(version)s
 where id = %(id)s;

-- touch --
update tasks set updated_at = %(at)s, position = %(position)s, stream_version = %(version)s where id = %(id)s;

-- ask --
update tasks set status = 'waiting_confirm', waiting_for = %(waiting_for)s, updated_at = %(at)s, position = %(position)s,
       stream_version = %(version)s
 where id = %(id)s;

-- go_on --
update tasks set status = 'running', waiting_for = null, deadline = coalesce(%(deadline)s, deadline), confirmed_by = %(by)s, confirmed_at = %(at)s,
       message = %(reason)s, updated_at = %(at)s, position = %(position)s, stream_version = %(version)s
 where id = %(id)s;

-- give_up --
update tasks set confirmed_by = %(by)s, confirmed_at = %(at)s, message = %(reason)s, updated_at = %(at)s, position = %(position)s,
       stream_version = %(version)s
 where id = %(id)s;

-- stop --
update tasks set waiting_for = %(waiting_for)s, message = %(reason)s, updated_at = %(at)s, position = %(position)s, stream_version = %(version)s
 where id = %(id)s;

-- cancel --
update tasks set status = 'cancelled', waiting_for = null, outcome = %(outcome)s, message = %(message)s, completed_at = %(at)s,
       updated_at = %(at)s, position = %(position)s, stream_version = %(version)s
 where id = %(id)s;
