-- insert_user --
insert into users (id, username, email, roles, is_active, created_by, created_at, updated_at, created_position, position, stream_version)
values (%(id)s, %(username)s, %(email)s, %(roles)s, true, %(by)s, %(at)s, %(at)s, %(position)s, %(position)s, %(version)s);

-- insert_token --
insert into tokens (id, user_id, name, expires_at, revoked_reason, created_by, created_at, updated_at, created_position, position, stream_version)
values (%(id)s, %(user_id)s,
        case when %(name)s <> '' and exists (select from users where id = %(user_id)s and forgotten_at is not null) then %(forgotten)s else %(name)s end,
        %(expires_at)s, '', %(by)s, %(at)s, %(at)s, %(position)s, %(position)s, %(version)s);

-- revoke_token --
update tokens set revoked_at = %(at)s, revoked_reason = %(reason)s, updated_at = %(at)s, position = %(position)s, stream_version = %(version)s
 where id = %(id)s;

-- forget_user --
update users set username = %(forgotten)s, email = '', is_active = false, forgotten_at = %(at)s, updated_at = %(at)s, position = %(position)s,
       stream_version = %(version)s
 where id = %(id)s;

-- forget_tokens --
update tokens set name = %(forgotten)s where user_id = %(id)s and name <> '';
