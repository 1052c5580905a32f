-- insert_version --
insert into versions (id, git_tag, git_commit, repository, repository_key, description, source, pull_request, verified, tag_created,
                      created_by, created_at, updated_at, created_position, position, stream_version)
values (%(id)s, %(git_tag)s, %(git_commit)s, %(repository)s, %(repository_key)s, %(description)s, %(source)s, %(pull_request)s, false, false,
        %(by)s, %(at)s, %(at)s, %(position)s, %(position)s, %(version)s);

-- mark_verified --
update versions set verified = true, git_commit = %(git_commit)s, updated_at = %(at)s, position = %(position)s, stream_version = %(version)s
 where id = %(id)s;

-- mark_deleted --
update versions set deleted_at = %(at)s, updated_at = %(at)s, position = %(position)s, stream_version = %(version)s where id = %(id)s;
