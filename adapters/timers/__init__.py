"""Stored deadlines on PostgreSQL."""

from adapters.timers.postgres import PostgresTimers

__all__ = ["PostgresTimers"]
