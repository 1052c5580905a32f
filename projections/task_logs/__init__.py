"""Reading task logs. They are no projection: their lines are stored by those who run the tasks, in `ops.log_chunks`."""
