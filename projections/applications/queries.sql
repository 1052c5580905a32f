-- insert_application --
insert into applications (id, name, repository, repository_key, type, config, created_by, created_at, updated_at, created_position, position,
                          stream_version)
values (%(id)s, %(name)s, %(repository)s, %(repository_key)s, %(type)s, %(config)s, %(by)s, %(at)s, %(at)s, %(position)s, %(position)s,
        %(version)s);

-- change_application --
update applications set name = %(name)s, type = %(type)s, config = %(config)s, updated_at = %(at)s, position = %(position)s,
       stream_version = %(version)s
 where id = %(id)s;

-- mark_deleted --
update applications set deleted_at = %(at)s, updated_at = %(at)s, position = %(position)s, stream_version = %(version)s where id = %(id)s;
