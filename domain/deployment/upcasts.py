"""The way from older shapes of these events to today's. There are none yet."""

from collections.abc import Callable

from domain.event import Json

UPCASTS: dict[tuple[str, int], Callable[[Json], Json]] = {}
