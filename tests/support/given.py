"""given(facts).when(command).then(facts), or .refuses(Error): how tests of aggregates read.

Facts in tests are written without their version: `given` and `then` number them, stream by stream, as the log would.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
import pytest

from application.work import kind_of
from domain.errors import DomainError
from domain.event import Event
from domain.registry import decode, encode

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ANN = "usr_ann"
Fact = TypeVar("Fact", bound=Event)
Answer = Event | Iterable[Event] | None


def fact(cls: type[Fact], stream: str, **fields: Any) -> Fact:
    """A fact at noon, by Ann; its version comes later."""
    return cls(**{"stream": stream, "version": 0, "at": NOON, "by": ANN, **fields})


def numbered(events: Iterable[Event], after: Counter[str] | None = None) -> list[Event]:
    """The facts with their versions."""
    last = after if after is not None else Counter()
    done = []
    for event in events:
        last[event.stream] += 1
        done.append(msgspec.structs.replace(event, version=last[event.stream]))
    return done


def folded(stream: str, events: Iterable[Event]) -> Any:
    """The state that a stream's facts make."""
    kind = kind_of(stream)
    state = kind.empty(stream) if kind.empty else None
    for event in events:
        state = kind.evolve(state, event)
    return state


@dataclass
class Given:
    state: Any
    events: list[Event]

    def when(self, command: Callable[[Any], Answer]) -> "Outcome":
        """Let the state answer a command."""
        before = msgspec.json.encode(self.state, order="deterministic")
        try:
            answer = command(self.state)
        except DomainError as error:
            outcome = Outcome(self, [], error)
        else:
            found = [answer] if isinstance(answer, Event) else list(answer or ())
            outcome = Outcome(self, [event for event in found if event is not None], None)
        assert msgspec.json.encode(self.state, order="deterministic") == before, "a decision changed the state it was made on"
        return outcome


@dataclass
class Outcome:
    given: Given
    events: list[Event]
    error: DomainError | None

    def then(self, *expected: Event) -> Any:
        """Exactly these facts, which can be stored and folded; returns the state after them."""
        assert self.error is None, f"refused: {self.error}"
        assert self.events == numbered(expected, Counter(event.stream for event in self.given.events))
        return self.after()

    def facts(self, *kinds: type[Event]) -> Any:
        """Facts of these kinds, in this order; returns the state after them."""
        assert self.error is None, f"refused: {self.error}"
        assert [type(event) for event in self.events] == list(kinds)
        return self.after()

    def after(self) -> Any:
        """The state after what was answered, as it would be read back from the log."""
        state = self.given.state
        for event in self.events:
            assert event.version == state.version + 1, "facts are numbered without gaps"
            state = kind_of(event.stream).evolve(state, decode(event.TOPIC, encode(event)))
        return state

    def refuses(self, error: type[DomainError], match: str = "") -> DomainError:
        """A refusal of exactly this kind, and no fact."""
        assert self.error is not None, f"was not refused: {self.events}"
        with pytest.raises(error, match=match or None):
            raise self.error
        assert type(self.error) is error
        return self.error


def given(*events: Event, stream: str = "") -> Given:
    """A state from its facts; without facts, the empty state of a stream that needs none."""
    known = numbered(events)
    return Given(folded(stream or known[0].stream, known), known)
