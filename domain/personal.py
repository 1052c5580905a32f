"""Which of a fact's fields name a person, and what stands there for those who may not or can no longer read them.

In the log such a field is sealed: `{"personal": "usr_…", "sealed": "…"}` (see adapters.event_store.sealing).

An event's class says it: `PERSONAL = {"username": "stream"}` means that `username` belongs to whom `stream` names. Where that is no
person's id (`usr_…`, or `adr_…` for a mail address), or the field is empty, the field is not personal.
"""

from collections.abc import Collection

from domain.event import Event, Json

FORGOTTEN = "(forgotten)"
"""The key is gone."""
HIDDEN = "(personal)"
"""Whoever reads has no keys, or shall not see it."""
PEOPLE = ("usr_", "adr_")
MARK = b':{"personal":"'
"""Where these bytes do not stand, nothing is sealed."""


def persons(event: Event) -> dict[str, str]:
    """Whose each personal field is: field → id."""
    return {field: whose for field, holder in event.PERSONAL.items() if is_person(whose := getattr(event, holder)) and getattr(event, field)}


def is_person(id: str) -> bool:
    return id.startswith(PEOPLE)


def sealed_fields(fields: Json, personal: Collection[str]) -> dict[str, tuple[str, str]]:
    """Field → (whose, ciphertext), of those that are personal by the event's class: what users wrote elsewhere may look alike."""
    return {field: (str(value["personal"]), str(value["sealed"])) for field in personal
            if isinstance(value := fields.get(field), dict) and value.keys() == {"personal", "sealed"}}


def hidden(fields: Json, personal: Collection[str]) -> Json:
    """A fact's fields as those see them who have no keys."""
    return {**fields, **dict.fromkeys(sealed_fields(fields, personal), HIDDEN)}
