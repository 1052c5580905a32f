"""The log in PostgreSQL: one writer, one order, a chain of digests, and followers that miss nothing."""
