"""Facts about changes as rows."""

from domain.change.events import (
    ChangeApproved,
    ChangeCancelled,
    ChangeCompleted,
    ChangeCreated,
    ChangeExecuted,
    ChangeFailed,
    ChangeRejected,
    ChangeSubmitted,
)
from domain.recorded import Recorded
from projections.engine.masking import masked
from projections.engine.projection import Statement, events_of, row

HANDLES = {
    ChangeCreated, ChangeSubmitted, ChangeApproved, ChangeRejected, ChangeExecuted, ChangeCompleted, ChangeFailed, ChangeCancelled,
}
IGNORES = events_of("version", "application", "environment", "lane", "deployment", "task", "notification", "delivery", "user", "name")


def project(recorded: Recorded) -> list[Statement]:
    match event := recorded.event:
        case ChangeCreated():
            return [("insert_change", row(
                recorded, title=event.title, description=event.description, type=event.type, payload=masked(event.payload)))]
        case ChangeSubmitted():
            return [("submit", row(recorded, plan_digest=event.plan_digest))]
        case ChangeApproved():
            return [("decide", row(recorded, status="approved", comment=event.comment))]
        case ChangeRejected():
            return [("decide", row(recorded, status="rejected", comment=event.reason))]
        case ChangeExecuted():
            return [("execute", row(recorded, deployment_id=event.deployment_id))]
        case ChangeCompleted():
            return [("finish", row(recorded, status="completed", error=""))]
        case ChangeFailed():
            return [("finish", row(recorded, status="failed", error=event.error))]
        case ChangeCancelled():
            return [("cancel", row(recorded, reason=event.reason))]
    return []
