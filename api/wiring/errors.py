"""Errors of a command whose message is all that an operator needs."""

import psycopg

from adapters.embedded_postgres import EmbeddedPostgresError
from adapters.event_store.reading import Gap
from api.home import HomeInUse
from api.settings import SettingsError
from application.ports.log import LogUnavailable
from domain.errors import DomainError
from projections.engine.rebuild import Busy
from projections.engine.replay import LogTooShort

EXPECTED: tuple[type[Exception], ...] = (
    SettingsError, EmbeddedPostgresError, HomeInUse, DomainError, Gap, LogUnavailable, Busy, LogTooShort, psycopg.OperationalError,
    psycopg.errors.InsufficientPrivilege, OSError, ValueError)
