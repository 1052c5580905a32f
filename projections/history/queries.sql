-- supersede --
insert into environment_history (environment_id, subject, position) values (%(environment_id)s, %(subject)s, %(position)s)
on conflict do nothing;

-- begin_step --
insert into lane_history (position, environment_id, deployment_id, held)
values (%(position)s, %(environment_id)s, %(deployment_id)s, int8range(%(position)s, null));

-- end_step --
update lane_history set held = int8range(lower(held), %(position)s) where deployment_id = %(deployment_id)s and upper_inf(held);
