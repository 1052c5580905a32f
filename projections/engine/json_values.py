"""How values of JSON are read: a list has three or four of them a row."""

import msgspec
import psycopg
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.types.json import set_json_loads


class Text(Loader):
    load = staticmethod(msgspec.json.decode)  # type: ignore[assignment]  # the driver calls it itself: nothing of Python is between the two


class Binary(Text):
    format = Format.BINARY


def register_json() -> None:
    """On every connection that is opened from now on."""
    set_json_loads(msgspec.json.decode)  # jsonb
    for loader in (Text, Binary):
        psycopg.adapters.register_loader("json", loader)
