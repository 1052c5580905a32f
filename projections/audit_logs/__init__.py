"""The audit: one row for each fact in the log, whatever it is."""
