"""Facts about versions as rows."""

from domain.recorded import Recorded
from domain.version.events import VersionCreated, VersionDeleted, VersionVerified
from domain.version.values import repository_key
from projections.engine.projection import Statement, events_of, row

HANDLES = {VersionCreated, VersionVerified, VersionDeleted}
IGNORES = events_of("application", "environment", "lane", "deployment", "task", "change", "notification", "delivery", "user", "name")


def project(recorded: Recorded) -> list[Statement]:
    match event := recorded.event:
        case VersionCreated():
            return [("insert_version", row(
                recorded, git_tag=event.git_tag, git_commit=event.git_commit, repository=event.repository,
                repository_key=repository_key(event.repository), description=event.description, source=event.source,
                pull_request=event.pull_request))]
        case VersionVerified():
            return [("mark_verified", row(recorded, git_commit=event.git_commit))]
        case VersionDeleted():
            return [("mark_deleted", row(recorded))]
    return []
