"""Secrets, encrypted in a table beside the log."""

from adapters.secrets.store import PostgresSecrets

__all__ = ["PostgresSecrets"]
