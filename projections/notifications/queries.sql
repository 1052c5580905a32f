-- insert_notification --
insert into notifications (id, rule, severity, channel, destination, addressee, deployment_id, task_id, subject, text, status, receipt, tries,
                           possibly_repeated, error, created_at, updated_at, created_position, position, stream_version)
values (%(id)s, %(rule)s, %(severity)s, %(channel)s,
        case when exists (select from notification_forgotten where addressee = %(addressee)s) then %(forgotten)s else %(destination)s end,
        %(addressee)s, %(deployment_id)s, %(task_id)s, %(subject)s, %(text)s, 'requested', '', 0,
        false, '', %(at)s, %(at)s, %(position)s, %(position)s, %(version)s);

-- mark_sent --
update notifications set status = 'sent', receipt = %(receipt)s, tries = %(tries)s, possibly_repeated = %(possibly_repeated)s, sent_at = %(at)s,
       updated_at = %(at)s, position = %(position)s, stream_version = %(version)s
 where id = %(id)s;

-- mark_failed --
update notifications set status = 'failed', error = %(error)s, tries = %(tries)s, updated_at = %(at)s, position = %(position)s,
       stream_version = %(version)s
 where id = %(id)s;

-- remember_forgotten --
insert into notification_forgotten select unnest(%(addressees)s::text[]) on conflict do nothing;

-- forget_addressees --
update notifications set destination = %(forgotten)s where addressee <> '' and addressee = any(%(addressees)s);
