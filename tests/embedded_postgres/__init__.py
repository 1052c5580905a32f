"""The embedded PostgreSQL: real servers, real signals, real files left behind."""
