"""One command's reading and writing: states are folded from their streams once, facts are gathered for one append."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

from application.ports.log import Log
from domain.application import model as application
from domain.change import model as change
from domain.deployment import model as deployment
from domain.environment import model as environment
from domain.errors import NotFound
from domain.event import Event
from domain.lane import model as lane
from domain.name import model as name
from domain.notification import model as notification
from domain.personal import persons
from domain.task import model as task
from domain.user import model as user
from domain.version import model as version


@dataclass(frozen=True)
class Kind:
    """How a stream's facts become a state; `empty` is what a stream without facts means, None where it means: there is no such thing."""

    called: str
    evolve: Callable[[Any, Event], Any]
    empty: Callable[[str], Any] | None = None
    kept: bool = True
    """False: its states hold what somebody may want to be forgotten, and are not shared."""


KINDS = {
    "ver": Kind("version", version.evolve),
    "app": Kind("application", application.evolve),
    "env": Kind("environment", environment.evolve),
    "dep": Kind("deployment", deployment.evolve),
    "task": Kind("task", task.evolve),
    "chg": Kind("change", change.evolve),
    "ntf": Kind("notification", notification.evolve, kept=False),
    "usr": Kind("user", user.evolve_user),
    "adr": Kind("address", user.evolve_user),
    "tok": Kind("token", user.evolve_token),
    "lane": Kind("lane", lane.evolve, lane.Lane),
    "name": Kind("name", name.evolve, name.Name),
    "dlv": Kind("delivery", lambda state, event: event),
}


class Cache:
    """Folded states by stream: immutable, so that they can be shared. Each was true once: what others stored since is not in it."""

    def __init__(self, size: int = 5000) -> None:
        self._states: dict[str, Any] = {}
        self._size = size

    def get(self, stream: str) -> Any:
        return self._states.get(stream)

    def drop(self, stream: str) -> None:
        self._states.pop(stream, None)

    def put(self, stream: str, state: Any) -> None:
        self._states.pop(stream, None)
        self._states[stream] = state
        while len(self._states) > self._size:
            del self._states[next(iter(self._states))]


class Work:
    """`trusting`: take states from the cache as they are. What was decided on them must be checked: the log does it where facts are
    stored (see `seen`); a refusal, or nothing to store, counts only where nothing was `unchecked`.
    docs/decisions/0010-cached-states.md tells why this is exact."""

    def __init__(self, log: Log, cache: Cache, *, trusting: bool = False) -> None:
        self._log, self._cache, self._trusting = log, cache, trusting
        self._loaded: dict[str, Any] = {}
        self._states: dict[str, Any] = {}
        self._read: dict[str, int] = {}
        self.events: list[Event] = []
        self.unchecked = False
        """Something was taken from the cache without a look into the log."""

    def record(self, *events: Event | None) -> None:
        """Take facts (None: nothing happened) and bring the loaded states up to date with them."""
        for event in filter(None, events):
            kind = kind_of(event.stream)
            state = self._states.get(event.stream) or (kind.empty(event.stream) if kind.empty else None)
            self._states[event.stream] = kind.evolve(state, event)
            self.events.append(event)

    def record_first(self, event: Event) -> None:
        """The same, before all that was recorded: the command is about its stream."""
        self.record(event)
        self.events.insert(0, self.events.pop())

    def reset(self) -> None:
        """Forget what was recorded, and decide anew. What was read before has had its part in that, and stays in `seen`."""
        self._states.clear()
        self._loaded.clear()
        self.events.clear()

    @property
    def seen(self) -> dict[str, int]:
        """The streams that were read, each with the version it had; but for those whose next version is written: that says the same."""
        if not self._read:
            return {}
        begins: dict[str, int] = {}
        for event in self.events:
            begins.setdefault(event.stream, event.version)
        return {stream: version for stream, version in self._read.items() if begins.get(stream) != version + 1}

    def stored(self) -> None:
        """The events are in the log: what came of them is in the cache from now on, but for what names a person: the log may keep less."""
        named = {event.stream for event in self.events if event.PERSONAL and persons(event)}
        begins = {event.stream: event.version for event in reversed(self.events)}
        for stream, first in begins.items():
            if stream not in named and first == version_of(self._loaded.get(stream)) + 1 and kind_of(stream).kept:
                self._cache.put(stream, self._states[stream])

    def dropped(self) -> None:
        """Nobody knows what came of the events: look into the log next time."""
        for event in self.events:
            self._cache.drop(event.stream)

    async def find(self, stream: str) -> Any:
        """The state of a stream, or None where it has no facts and that means: there is no such thing."""
        if stream not in self._states:
            state = self._states[stream] = self._loaded[stream] = await self._load(stream, kind_of(stream))
            self._read.setdefault(stream, version_of(state))
        return self._states[stream]

    async def _load(self, stream: str, kind: Kind) -> Any:
        state = self._cache.get(stream)
        if state is not None and self._trusting:
            self.unchecked = True
            return state
        state = folded(kind, stream, state, await self._log.stream(stream, version_of(state)))
        if state is not None and kind.kept:
            self._cache.put(stream, state)
        return state

    async def _get(self, prefix: str, id: str) -> Any:
        state = await self.find(id) if id.startswith(prefix + "_") and id.isascii() and id.isprintable() else None
        if state is None or getattr(state, "deleted", False):
            raise NotFound(f"there is no {KINDS[prefix].called} {id}")
        return state

    async def version(self, id: str) -> version.Version:
        return cast(version.Version, await self._get("ver", id))

    async def application(self, id: str) -> application.Application:
        return cast(application.Application, await self._get("app", id))

    async def environment(self, id: str) -> environment.Environment:
        return cast(environment.Environment, await self._get("env", id))

    async def deployment(self, id: str) -> deployment.Deployment:
        return cast(deployment.Deployment, await self._get("dep", id))

    async def task(self, id: str) -> task.Task:
        return cast(task.Task, await self._get("task", id))

    async def change(self, id: str) -> change.Change:
        return cast(change.Change, await self._get("chg", id))

    async def notification(self, id: str) -> notification.Notification:
        return cast(notification.Notification, await self._get("ntf", id))

    async def account(self, id: str) -> user.User:
        return cast(user.User, await self._get("usr", id))

    async def token(self, id: str) -> user.Token:
        return cast(user.Token, await self._get("tok", id))

    async def lane(self, environment: str) -> lane.Lane:
        return cast(lane.Lane, await self._get("lane", lane.lane_of(environment)))

    async def name(self, kind: str, value: str) -> name.Name:
        return cast(name.Name, await self._get("name", name.stream_of(kind, value)))


def version_of(state: Any) -> int:
    return getattr(state, "version", 0) if state is not None else 0


def folded(kind: Kind, stream: str, state: Any, events: Iterable[Event]) -> Any:
    """The state after the events; None: there was none before."""
    if state is None and kind.empty:
        state = kind.empty(stream)
    for event in events:
        state = kind.evolve(state, event)
    return state


def kind_of(stream: str) -> Kind:
    kind = KINDS.get(stream.partition("_")[0])
    if kind is None:
        raise NotFound(f"there is nothing with an id like {stream}")
    return kind
