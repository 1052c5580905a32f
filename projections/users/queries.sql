-- insert_user --
insert into users (id, username, email, roles, is_active, created_by, created_at, updated_at, created_position, position, stream_version)
values (%(id)s, %(username)s, %(email)s, %(roles)s, true, %(by)s, %(at)s, %(at)s, %(position)s, %(position)s, %(version)s);

-- insert_token --
insert into tokens (id, user_id, name, expires_at, revoked_reason, created_by, created_at, updated_at, created_position, position, stream_version)
values (%(id)s, %(user_id)s, %(name)s, %(expires_at)s, '', %(by)s, %(at)s, %(at)s, %(position)s, %(position)s, %(version)s);

-- revoke_token --
update tokens set revoked_at = %(at)s, revoked_reason = %(reason)s, updated_at = %(at)s, position = %(position)s, stream_version = %(version)s
 where id = %(id)s;
