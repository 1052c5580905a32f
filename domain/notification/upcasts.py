"""The way from older shapes of these events to today's."""

from collections.abc import Callable

from domain.event import Json


def without_addressee(fields: Json) -> Json:
    """Schema 1: the destination stood there in plain text, under nobody's key."""
    return {**fields, "addressee": ""}


UPCASTS: dict[tuple[str, int], Callable[[Json], Json]] = {("notification.requested", 1): without_addressee}
