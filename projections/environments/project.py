"""Facts about environments, and about the lanes into them, as rows."""

import msgspec

from domain.environment.events import EnvironmentChanged, EnvironmentCreated, EnvironmentDeleted, EnvironmentObserved
from domain.lane.events import LaneEntered, LaneHandedOver, LaneLeft, LaneQueued
from domain.recorded import Recorded
from projections.engine.masking import masked
from projections.engine.projection import Statement, events_of, row

HANDLES = {EnvironmentCreated, EnvironmentChanged, EnvironmentObserved, EnvironmentDeleted, LaneQueued, LaneEntered, LaneHandedOver, LaneLeft}
IGNORES = events_of("version", "application", "deployment", "task", "change", "notification", "delivery", "user", "name")


def project(recorded: Recorded) -> list[Statement]:
    match event := recorded.event:
        case EnvironmentCreated():
            return [("insert_environment", row(recorded, name=event.name, type=event.type, config=masked(event.config), is_active=event.is_active))]
        case EnvironmentChanged():
            return [("change_environment", row(recorded, name=event.name, type=event.type, config=masked(event.config), is_active=event.is_active))]
        case EnvironmentObserved():
            return [("observe_environment", row(recorded, status=event.status, message=event.message))]
        case EnvironmentDeleted():
            return [("mark_deleted", row(recorded))]
        case LaneQueued():
            return [("wait_outside", place(recorded, event, event.deployment_id, behind=list(event.behind)))]
        case LaneEntered():
            return [("come_inside", place(recorded, event, event.deployment_id, number=event.number))]
        case LaneHandedOver():
            return [("go_away", {"deployment_id": event.deployment_id}),
                    ("come_inside", place(recorded, event, event.to_deployment_id, number=event.number))]
        case LaneLeft():
            return left(recorded, event)
    return []


def place(recorded: Recorded, event: LaneQueued | LaneEntered | LaneHandedOver, deployment: str, **more: object) -> dict[str, object]:
    return row(recorded, environment_id=event.environment_id, deployment_id=deployment, application_ids=list(event.application_ids), **more)


def left(recorded: Recorded, event: LaneLeft) -> list[Statement]:
    installed = [row(recorded, environment_id=event.environment_id, **msgspec.to_builtins(each)) for each in event.installed]
    return [("go_away", {"deployment_id": event.deployment_id}), *(("install", each) for each in installed)]
