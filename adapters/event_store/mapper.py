"""The library's mapper for our facts: msgspec JSON under the topics of `domain.registry`, upcast whenever it is read."""

from typing import Any

from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent, Transcoder

from adapters.event_store.command import Fact, Unstorable
from adapters.event_store.sealing import Keys, opened, sealed
from domain.event import Event
from domain.registry import decode, encode


def to_fact(event: Event, keys: Keys | None = None) -> Fact:
    """`keys`: personal fields are sealed with them; without, they are stored as they are. Raises Unstorable for half a surrogate pair, which
    no UTF-8 can hold."""
    try:
        state = encode(event) if keys is None or not event.PERSONAL else sealed(event, keys)
    except UnicodeEncodeError as error:
        raise Unstorable(f"{event.TOPIC} holds what is not a text: {error}") from error
    return event.stream, event.version, event.TOPIC, state


class EventMapper(Mapper[str]):
    """Facts to stored events and back. As the library's setting `MAPPER_TOPIC` it lets any of its tools read our log."""

    def __init__(self, transcoder: Transcoder | None = None, compressor: Any = None, cipher: Any = None) -> None:
        if compressor or cipher:
            raise ValueError("the log stores plain JSON: a compressor or a cipher would make it unreadable for everybody else")
        super().__init__(transcoder or JSONTranscoder())

    def to_stored_event(self, domain_event: Event, keys: Keys | None = None) -> StoredEvent:  # type: ignore[override]  # not the library's classes
        """As `to_fact`."""
        return StoredEvent(*to_fact(domain_event, keys))

    def to_domain_event(self, stored_event: StoredEvent, keys: Keys | None = None) -> Event:  # type: ignore[override]
        """Without `keys` sealed fields are shown as `(personal)`. Raises domain.registry.UnknownFact."""
        return decode(stored_event.topic, opened(stored_event.topic, stored_event.state, keys))
