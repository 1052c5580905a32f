"""Which errors say nothing about what was tried: the database is away for the moment, or only reads; the same may be tried again."""

from psycopg import InterfaceError, OperationalError
from psycopg.errors import ReadOnlySqlTransaction

from application.ports.log import LogUnavailable

AWAY = (LogUnavailable, OperationalError, InterfaceError, ReadOnlySqlTransaction)
LIMITS = "54"
"""The class of SQLSTATE for what is too large to be stored: psycopg counts it among the operational errors, but it will be too large again."""


def is_away(error: BaseException) -> bool:
    return isinstance(error, AWAY) and not (getattr(error, "sqlstate", None) or "").startswith(LIMITS)
