"""An environment: a place where applications run."""

from datetime import datetime

import msgspec

from domain.environment.events import EnvironmentChanged, EnvironmentCreated, EnvironmentDeleted, EnvironmentObserved
from domain.errors import NotFound
from domain.event import Event, Json


class Environment(msgspec.Struct, frozen=True):
    id: str
    version: int
    name: str
    type: str
    config: Json
    is_active: bool
    deleted: bool = False

    def change(self, name: str, type: str, config: Json, is_active: bool, *, at: datetime, by: str) -> list[Event]:
        """Nothing, if it is so already."""
        self._must_be_there()
        if (name, type, config, is_active) == (self.name, self.type, self.config, self.is_active):
            return []
        return [EnvironmentChanged(stream=self.id, version=self.version + 1, at=at, by=by, name=name, type=type, config=config, is_active=is_active)]

    def observe(self, status: str, message: str, *, at: datetime, by: str) -> EnvironmentObserved:
        self._must_be_there()
        return EnvironmentObserved(stream=self.id, version=self.version + 1, at=at, by=by, status=status, message=message)

    def delete(self, *, at: datetime, by: str) -> EnvironmentDeleted:
        self._must_be_there()
        return EnvironmentDeleted(stream=self.id, version=self.version + 1, at=at, by=by)

    def _must_be_there(self) -> None:
        if self.deleted:
            raise NotFound(f"environment {self.id} was deleted")


def evolve(environment: Environment | None, event: Event) -> Environment:
    if isinstance(event, EnvironmentCreated):
        return Environment(event.stream, event.version, event.name, event.type, event.config, event.is_active)
    if environment is None:
        raise TypeError(f"an environment begins with its creation: {event}")
    match event:
        case EnvironmentChanged():
            return msgspec.structs.replace(
                environment, version=event.version, name=event.name, type=event.type, config=event.config, is_active=event.is_active)
        case EnvironmentObserved():
            return msgspec.structs.replace(environment, version=event.version)
        case EnvironmentDeleted():
            return msgspec.structs.replace(environment, version=event.version, deleted=True)
    raise TypeError(f"not a fact about an environment: {event}")
