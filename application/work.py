"""One command's reading and writing: states are folded from their streams once, facts are gathered for one append."""

from collections.abc import Callable
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
from domain.task import model as task
from domain.user import model as user
from domain.version import model as version


@dataclass(frozen=True)
class Kind:
    """How a stream's facts become a state; `empty` is what a stream without facts means, None where it means: there is no such thing."""

    called: str
    evolve: Callable[[Any, Event], Any]
    empty: Callable[[str], Any] | None = None


KINDS = {
    "ver": Kind("version", version.evolve),
    "app": Kind("application", application.evolve),
    "env": Kind("environment", environment.evolve),
    "dep": Kind("deployment", deployment.evolve),
    "task": Kind("task", task.evolve),
    "chg": Kind("change", change.evolve),
    "ntf": Kind("notification", notification.evolve),
    "usr": Kind("user", user.evolve_user),
    "tok": Kind("token", user.evolve_token),
    "lane": Kind("lane", lane.evolve, lane.Lane),
    "name": Kind("name", name.evolve, name.Name),
    "dlv": Kind("delivery", lambda state, event: event),
}


class Cache:
    """Folded states by stream: immutable, so that they can be shared; brought up to date from the log at each load."""

    def __init__(self, size: int = 5000) -> None:
        self._states: dict[str, Any] = {}
        self._size = size

    def get(self, stream: str) -> Any:
        return self._states.get(stream)

    def put(self, stream: str, state: Any) -> None:
        self._states.pop(stream, None)
        self._states[stream] = state
        while len(self._states) > self._size:
            del self._states[next(iter(self._states))]


class Work:
    def __init__(self, log: Log, cache: Cache) -> None:
        self._log, self._cache = log, cache
        self._states: dict[str, Any] = {}
        self.events: list[Event] = []

    def record(self, *events: Event | None) -> None:
        """Take facts (None: nothing happened) and bring the loaded states up to date with them."""
        for event in filter(None, events):
            kind = kind_of(event.stream)
            state = self._states.get(event.stream) or (kind.empty(event.stream) if kind.empty else None)
            self._states[event.stream] = kind.evolve(state, event)
            self.events.append(event)

    def reset(self) -> None:
        """Forget what was loaded and recorded: decide anew."""
        self._states.clear()
        self.events.clear()

    async def find(self, stream: str) -> Any:
        """The state of a stream, or None where it has no facts and that means: there is no such thing."""
        if stream not in self._states:
            self._states[stream] = await self._fold(stream, kind_of(stream))
        return self._states[stream]

    async def _fold(self, stream: str, kind: Kind) -> Any:
        state = self._cache.get(stream)
        after = getattr(state, "version", 0) if state is not None else 0
        state = state if state is not None else kind.empty(stream) if kind.empty else None
        for event in await self._log.stream(stream, after):
            state = kind.evolve(state, event)
        if state is not None:
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


def kind_of(stream: str) -> Kind:
    kind = KINDS.get(stream.partition("_")[0])
    if kind is None:
        raise NotFound(f"there is nothing with an id like {stream}")
    return kind
