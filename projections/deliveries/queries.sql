-- insert_delivery --
insert into deliveries (id, provider, event, delivery_id, repository, version_id, version_created, auto_tag, ignored, correlation_id, received_at,
                        created_position, position, stream_version)
values (%(id)s, %(provider)s, %(event)s, %(delivery_id)s, %(repository)s, %(version_id)s, %(version_created)s, %(auto_tag)s, %(ignored)s,
        %(correlation_id)s, %(at)s, %(position)s, %(position)s, %(version)s);
