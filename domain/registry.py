"""Every fact that can stand in the log, by topic; and the way from its stored JSON to today's shape.

A stored event is JSON whose `schema` says which shape it has. Where that is older than the class's own, the aggregate's
`upcasts.py` has one function for each step: `UPCASTS[(topic, from_schema)](fields) -> fields`.
"""

import importlib
from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from domain.event import Event, Json
from domain.personal import MARK, hidden

AGGREGATES = ("version", "application", "environment", "lane", "deployment", "task", "change", "notification", "delivery", "user", "name")
Upcast = Callable[[Json], Json]


class UnknownFact(Exception):
    """The log holds something that this version of the program cannot read."""


def _events() -> dict[str, type[Event]]:
    found: dict[str, type[Event]] = {}
    for aggregate in AGGREGATES:
        module = importlib.import_module(f"domain.{aggregate}.events")
        for cls in vars(module).values():
            if isinstance(cls, type) and issubclass(cls, Event) and cls.__module__ == module.__name__:
                if cls.TOPIC in found:
                    raise TypeError(f"two events have the topic {cls.TOPIC}")
                found[cls.TOPIC] = cls
    return found


def _upcasts() -> dict[tuple[str, int], Upcast]:
    found: dict[tuple[str, int], Upcast] = {}
    for aggregate in AGGREGATES:
        found.update(importlib.import_module(f"domain.{aggregate}.upcasts").UPCASTS)
    return found


EVENTS = MappingProxyType(_events())
UPCASTS = MappingProxyType(_upcasts())
_PERSONAL = {topic: cls.PERSONAL.keys() for topic, cls in EVENTS.items() if cls.PERSONAL}
_DECODERS = {topic: msgspec.json.Decoder(cls) for topic, cls in EVENTS.items()}
_encode = msgspec.json.Encoder(order="deterministic").encode


def encode(event: Event) -> bytes:
    """The event's stored bytes."""
    return _encode(event)


def decode(topic: str, state: bytes) -> Event:
    """A stored event in today's shape; whoever is named in sealed fields is hidden. Raises UnknownFact for a topic, a schema or a content
    it cannot read."""
    decoder = _DECODERS.get(topic)
    if decoder is None:
        raise UnknownFact(f"no event has the topic {topic!r}")
    try:
        if topic in _PERSONAL and MARK in state:
            state = msgspec.json.encode(hidden(msgspec.json.decode(state, type=Json), _PERSONAL[topic]))
        if state.startswith(_BEGINNINGS[topic]):
            return decoder.decode(state)
        return msgspec.convert(upcast(topic, msgspec.json.decode(state, type=Json)), EVENTS[topic])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UnknownFact(f"{topic}: {error}") from error


def upcast(topic: str, fields: Json, steps: Mapping[tuple[str, int], Upcast] | None = None, to: int | None = None) -> Json:
    """Bring an event's fields from the schema they were stored in to today's (or to `to`), a step at a time.
    Raises UnknownFact where there is no way."""
    known = UPCASTS if steps is None else steps
    schema, wanted = fields.get("schema"), schema_of(EVENTS[topic]) if to is None else to
    while schema != wanted:
        step = known.get((topic, schema)) if isinstance(schema, int) else None
        if step is None:
            raise UnknownFact(f"{topic}: no way from schema {schema!r} to {wanted}")
        schema = schema + 1  # type: ignore[operator]  # an int, or there is no step
        fields = {**step(fields), "schema": schema}
    return fields


def schema_of(cls: type[Event]) -> int:
    tag = cls.__struct_config__.tag
    assert isinstance(tag, int)
    return tag


_BEGINNINGS = {topic: b'{"schema":%d,' % schema_of(cls) for topic, cls in EVENTS.items()}
"""Of events in today's shape, by topic."""
