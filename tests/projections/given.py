"""given(facts) in the read models."""

from domain.event import Event
from projections.engine.projector import Projector
from tests.projections.facts import recorded


class Given:
    """Calls bring more facts into the tables, behind those of earlier calls; none may end in quarantine."""

    def __init__(self, projector: Projector) -> None:
        self._projector = projector
        self._events: list[Event] = []

    def __call__(self, *events: Event) -> None:
        done = len(self._events)
        self._events.extend(events)
        self._projector.apply(recorded(*self._events)[done:])
        assert self._projector.quarantined == 0
