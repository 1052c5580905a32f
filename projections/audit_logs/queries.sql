-- insert_audit_log --
insert into audit_logs (position, user_id, action, resource, resource_id, resource_version, timestamp, source_ip, request_id, command_id,
                        correlation_id, causation_id, recorded_at, details)
values (%(position)s, %(by)s, %(action)s, %(resource)s, %(id)s, %(version)s, %(at)s, %(source_ip)s, %(request_id)s, %(command_id)s,
        %(correlation_id)s, %(causation_id)s, %(recorded_at)s, %(details)s);
