"""A version: one state of a repository that can be deployed."""

from datetime import datetime

import msgspec

from domain.errors import NotFound
from domain.event import Event
from domain.version.events import VersionCreated, VersionDeleted, VersionVerified


class Version(msgspec.Struct, frozen=True):
    id: str
    version: int
    git_tag: str
    git_commit: str
    repository: str
    verified: bool = False
    deleted: bool = False

    def verify(self, commit: str, *, at: datetime, by: str) -> list[Event]:
        """Tag and commit were read back from the repository. Known already: nothing."""
        if self.verified:
            return []
        return [VersionVerified(stream=self.id, version=self.version + 1, at=at, by=by, git_commit=commit)]

    def delete(self, *, at: datetime, by: str) -> VersionDeleted:
        if self.deleted:
            raise NotFound(f"version {self.id} was deleted")
        return VersionDeleted(stream=self.id, version=self.version + 1, at=at, by=by)


def evolve(version: Version | None, event: Event) -> Version:
    if isinstance(event, VersionCreated):
        return Version(event.stream, event.version, event.git_tag, event.git_commit, event.repository)
    if version is None:
        raise TypeError(f"a version begins with its creation: {event}")
    match event:
        case VersionVerified():
            return msgspec.structs.replace(version, version=event.version, verified=True, git_commit=event.git_commit)
        case VersionDeleted():
            return msgspec.structs.replace(version, version=event.version, deleted=True)
    raise TypeError(f"not a fact about a version: {event}")
