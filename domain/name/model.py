"""A name of which there can be only one: two who claim it meet in one stream, and one of them loses."""

import hashlib
from datetime import datetime

import msgspec

from domain.errors import Refused
from domain.event import Event
from domain.name.events import NameClaimed, NameFreed


class Name(msgspec.Struct, frozen=True):
    id: str
    version: int = 0
    owner: str = ""

    def claim(self, kind: str, name: str, owner: str, *, at: datetime, by: str) -> NameClaimed:
        if self.owner:
            raise Refused(f"there is a {kind} {name} already: {self.owner}", existing=self.owner)
        return NameClaimed(stream=self.id, version=self.version + 1, at=at, by=by, kind=kind, name=name, owner=owner)

    def free(self, *, at: datetime, by: str) -> list[Event]:
        return [NameFreed(stream=self.id, version=self.version + 1, at=at, by=by)] if self.owner else []


def stream_of(kind: str, name: str) -> str:
    """The stream of a name: made of what it says, so that everybody finds the same."""
    return "name_" + hashlib.sha256(f"{kind}\0{name}".encode()).hexdigest()[:32]


def evolve(name: Name, event: Event) -> Name:
    match event:
        case NameClaimed():
            return msgspec.structs.replace(name, version=event.version, owner=event.owner)
        case NameFreed():
            return msgspec.structs.replace(name, version=event.version, owner="")
    raise TypeError(f"not a fact about a name: {event}")
