-- insert_environment --
insert into environments (id, name, type, config, is_active, status, message, created_by, created_at, updated_at, created_position, position,
                          stream_version)
values (%(id)s, %(name)s, %(type)s, %(config)s, %(is_active)s, 'unknown', '', %(by)s, %(at)s, %(at)s, %(position)s, %(position)s, %(version)s);

-- change_environment --
update environments set name = %(name)s, type = %(type)s, config = %(config)s, is_active = %(is_active)s, updated_at = %(at)s,
       position = %(position)s, stream_version = %(version)s
 where id = %(id)s;

-- observe_environment --
update environments set status = %(status)s, message = %(message)s, checked_at = %(at)s, position = %(position)s, stream_version = %(version)s
 where id = %(id)s;

-- mark_deleted --
update environments set deleted_at = %(at)s, updated_at = %(at)s, position = %(position)s, stream_version = %(version)s where id = %(id)s;

-- wait_outside --
insert into environment_lane (deployment_id, lane_id, environment_id, application_ids, inside, behind, since, position)
values (%(deployment_id)s, %(id)s, %(environment_id)s, %(application_ids)s, false, %(behind)s, %(at)s, %(position)s)
on conflict (deployment_id) do update set inside = false, behind = excluded.behind, since = excluded.since, position = excluded.position;

-- come_inside --
insert into environment_lane (deployment_id, lane_id, environment_id, application_ids, inside, number, behind, since, position)
values (%(deployment_id)s, %(id)s, %(environment_id)s, %(application_ids)s, true, %(number)s, '{}', %(at)s, %(position)s)
on conflict (deployment_id) do update
   set inside = true, number = excluded.number, behind = '{}', since = excluded.since, position = excluded.position;

-- go_away --
delete from environment_lane where deployment_id = %(deployment_id)s;

-- install --
insert into environment_installed (environment_id, application_id, deployment_id, version_id, git_tag, git_commit, artifact, since)
values (%(environment_id)s, %(application_id)s, %(deployment_id)s, %(version_id)s, %(git_tag)s, %(git_commit)s, %(artifact)s, %(at)s)
on conflict (environment_id, application_id) do update
   set deployment_id = excluded.deployment_id, version_id = excluded.version_id, git_tag = excluded.git_tag, git_commit = excluded.git_commit,
       artifact = excluded.artifact, since = excluded.since;
