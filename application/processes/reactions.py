"""What a process is about: most facts concern few processes, and whoever hands facts out need not ask the others."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from application.processes.wishes import Wish
from domain.event import Event

React = Callable[[Event], list[Wish]]


@dataclass(frozen=True)
class Reaction:
    """A process's function. To every other kind of fact it has no wish, whoever asks: a kind that was forgotten here shows."""

    function: React
    kinds: frozenset[type[Event]]

    def __call__(self, event: Event) -> list[Wish]:
        return self.function(event) if type(event) in self.kinds else []


def to(*kinds: type[Event]) -> Callable[[React], Reaction]:
    return lambda function: Reaction(function, frozenset(kinds))


class Table:
    """By kind of fact: the processes it may concern, in order, by name. One that does not say what it is about is always asked."""

    def __init__(self, processes: Mapping[str, React]) -> None:
        self._processes = processes
        self._found: dict[type[Event], tuple[tuple[str, React], ...]] = {}

    def about(self, event: Event) -> Iterable[tuple[str, React]]:
        kind = type(event)
        found = self._found.get(kind)
        if found is None:
            asked = [(name, react) for name, react in self._processes.items() if not isinstance(react, Reaction) or kind in react.kinds]
            found = self._found[kind] = tuple([(name, react.function if isinstance(react, Reaction) else react) for name, react in asked])
        return found
