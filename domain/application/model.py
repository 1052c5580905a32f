"""An application: something that is built from a repository and deployed."""

from datetime import datetime

import msgspec

from domain.application.events import ApplicationChanged, ApplicationCreated, ApplicationDeleted
from domain.errors import NotFound
from domain.event import Event, Json


class Application(msgspec.Struct, frozen=True):
    id: str
    version: int
    name: str
    repository: str
    type: str
    config: Json
    deleted: bool = False

    def change(self, name: str, type: str, config: Json, *, at: datetime, by: str) -> list[Event]:
        """Nothing, if it is so already."""
        self._must_be_there()
        if (name, type, config) == (self.name, self.type, self.config):
            return []
        return [ApplicationChanged(stream=self.id, version=self.version + 1, at=at, by=by, name=name, type=type, config=config)]

    def delete(self, *, at: datetime, by: str) -> ApplicationDeleted:
        self._must_be_there()
        return ApplicationDeleted(stream=self.id, version=self.version + 1, at=at, by=by)

    def _must_be_there(self) -> None:
        if self.deleted:
            raise NotFound(f"application {self.id} was deleted")


def evolve(application: Application | None, event: Event) -> Application:
    if isinstance(event, ApplicationCreated):
        return Application(event.stream, event.version, event.name, event.repository, event.type, event.config)
    if application is None:
        raise TypeError(f"an application begins with its creation: {event}")
    match event:
        case ApplicationChanged():
            return msgspec.structs.replace(application, version=event.version, name=event.name, type=event.type, config=event.config)
        case ApplicationDeleted():
            return msgspec.structs.replace(application, version=event.version, deleted=True)
    raise TypeError(f"not a fact about an application: {event}")
