-- insert_change --
insert into changes (id, title, description, type, status, payload, plan_digest, applicant_id, comment, error, deployment_id, created_at, updated_at,
                     created_position, position, stream_version)
values (%(id)s, %(title)s, %(description)s, %(type)s, 'draft', %(payload)s, '', %(by)s, '', '', '', %(at)s, %(at)s, %(position)s, %(position)s,
        %(version)s);

-- submit --
update changes set status = 'submitted', plan_digest = %(plan_digest)s, approver_id = null, comment = '', submitted_at = %(at)s, decided_at = null,
       updated_at = %(at)s, position = %(position)s, stream_version = %(version)s
 where id = %(id)s;

-- decide --
update changes set status = %(status)s, approver_id = %(by)s, comment = %(comment)s, decided_at = %(at)s, updated_at = %(at)s,
       position = %(position)s, stream_version = %(version)s
 where id = %(id)s;

-- execute --
update changes set status = 'executing', deployment_id = %(deployment_id)s, updated_at = %(at)s, position = %(position)s, stream_version = %(version)s
 where id = %(id)s;

-- finish --
update changes set status = %(status)s, error = %(error)s, completed_at = %(at)s, updated_at = %(at)s, position = %(position)s,
       stream_version = %(version)s
 where id = %(id)s;

-- cancel --
update changes set status = 'cancelled', comment = %(reason)s, completed_at = %(at)s, updated_at = %(at)s, position = %(position)s,
       stream_version = %(version)s
 where id = %(id)s;
