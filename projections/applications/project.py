"""Facts about applications as rows."""

from domain.application.events import ApplicationChanged, ApplicationCreated, ApplicationDeleted
from domain.recorded import Recorded
from domain.version.values import repository_key
from projections.engine.masking import masked
from projections.engine.projection import Statement, events_of, row

HANDLES = {ApplicationCreated, ApplicationChanged, ApplicationDeleted}
IGNORES = events_of("version", "environment", "lane", "deployment", "task", "change", "notification", "delivery", "user", "name")


def project(recorded: Recorded) -> list[Statement]:
    match event := recorded.event:
        case ApplicationCreated():
            return [("insert_application", row(
                recorded, name=event.name, repository=event.repository, repository_key=repository_key(event.repository), type=event.type,
                config=masked(event.config)))]
        case ApplicationChanged():
            return [("change_application", row(recorded, name=event.name, type=event.type, config=masked(event.config)))]
        case ApplicationDeleted():
            return [("mark_deleted", row(recorded))]
    return []
