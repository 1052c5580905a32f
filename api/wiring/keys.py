"""The server's key to people's names."""

import psycopg

from adapters.event_store.person_keys import ServerKey, must_fit
from adapters.secrets import key
from api.home import Home
from api.settings import Settings


def server_key(settings: Settings, home: Home) -> ServerKey:
    return ServerKey(key_bytes(settings, home))


def key_bytes(settings: Settings, home: Home) -> bytes:
    """They follow from SECRET_KEY where that is set (all servers of one log need the same); else they are kept in `HOME/people-key`."""
    if settings.secret_key:
        return key.from_setting(settings.secret_key.get_secret_value(), "people")
    home.make()
    return key.from_home(home.path, "people-key", "people's names were encrypted")


def fitting_key(settings: Settings, home: Home, conninfo: str) -> ServerKey:
    """Raises WrongKey where it is not the one that people's keys in this database are wrapped with."""
    found = server_key(settings, home)
    with psycopg.connect(conninfo, autocommit=True) as conn:
        must_fit(conn, found)
    return found
