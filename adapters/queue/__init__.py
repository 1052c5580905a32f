"""The work queue on PostgreSQL."""

from adapters.queue.postgres import PostgresQueue

__all__ = ["PostgresQueue"]
