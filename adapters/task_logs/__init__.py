"""Task logs on PostgreSQL, in chunks of numbered lines, closed with a count and a digest."""

from adapters.task_logs.store import PostgresTaskLogs

__all__ = ["PostgresTaskLogs"]
