"""The eventsourcing library's own handles on a test database."""

from typing import Any

from eventsourcing.postgres import PostgresDatastore
from psycopg.conninfo import conninfo_to_dict


def datastore(conninfo: str, **settings: Any) -> PostgresDatastore:
    """A datastore of the library for our log."""
    parts = conninfo_to_dict(conninfo)
    where = {key: str(parts.get(key, default)) for key, default in (("dbname", ""), ("host", ""), ("port", 5432), ("user", ""), ("password", ""))}
    return PostgresDatastore(**where, schema="log", originator_id_type="text", pool_size=2, max_overflow=20, **settings)


def environment(conninfo: str, **settings: str) -> dict[str, str]:
    """What a stock application of the library needs to be told of our log. It would take a UUID for a default id, ours are texts."""
    parts = {key: str(value) for key, value in conninfo_to_dict(conninfo).items()}
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "MAPPER_TOPIC": "adapters.event_store.mapper:EventMapper",
        "POSTGRES_DBNAME": parts["dbname"],
        "POSTGRES_HOST": parts["host"],
        "POSTGRES_PORT": parts.get("port", "5432"),
        "POSTGRES_USER": parts["user"],
        "POSTGRES_PASSWORD": parts.get("password", "-"),
        "POSTGRES_SCHEMA": "log",
        "ORIGINATOR_ID_TYPE": "text",
        "CREATE_TABLE": "no",
        **settings,
    }
