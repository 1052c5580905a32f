"""Facts about environments and lanes as places in the log."""

from domain.environment.events import EnvironmentChanged, EnvironmentCreated, EnvironmentDeleted, EnvironmentObserved
from domain.lane.events import LaneEntered, LaneHandedOver, LaneLeft, LaneQueued
from domain.recorded import Recorded
from projections.engine.projection import Statement, events_of

HANDLES = {EnvironmentCreated, EnvironmentChanged, EnvironmentObserved, EnvironmentDeleted, LaneQueued, LaneEntered, LaneHandedOver, LaneLeft}
IGNORES = events_of("version", "application", "deployment", "task", "change", "notification", "delivery", "user", "name")


def project(recorded: Recorded) -> list[Statement]:
    match event := recorded.event:
        case EnvironmentCreated() | EnvironmentChanged() | EnvironmentObserved() | EnvironmentDeleted():
            return [supersede(recorded, event.stream, event.TOPIC)]
        case LaneQueued() | LaneEntered():
            return [end(recorded, event.deployment_id), begin(recorded, event.environment_id, event.deployment_id)]
        case LaneHandedOver():
            return [end(recorded, event.deployment_id), end(recorded, event.to_deployment_id),
                    begin(recorded, event.environment_id, event.to_deployment_id)]
        case LaneLeft():
            return [end(recorded, event.deployment_id),
                    *(supersede(recorded, event.environment_id, installed.application_id) for installed in event.installed)]
    return []


def supersede(recorded: Recorded, environment: str, subject: str) -> Statement:
    return "supersede", {"environment_id": environment, "subject": subject, "position": recorded.position}


def begin(recorded: Recorded, environment: str, deployment: str) -> Statement:
    return "begin_step", {"environment_id": environment, "deployment_id": deployment, "position": recorded.position}


def end(recorded: Recorded, deployment: str) -> Statement:
    return "end_step", {"deployment_id": deployment, "position": recorded.position}
