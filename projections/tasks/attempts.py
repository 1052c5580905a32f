"""What a task's own facts mean for its row."""

from domain.recorded import Recorded
from domain.task.events import (
    TaskCancelled,
    TaskCancelRequested,
    TaskConfirmed,
    TaskFailed,
    TaskOutcomeRejected,
    TaskOutcomeUnknown,
    TaskReleased,
    TaskStarted,
    TaskSucceeded,
    TaskTakenOver,
    TaskTimedOut,
)
from projections.engine.masking import masked
from projections.engine.projection import Statement, row


def of_task(recorded: Recorded) -> list[Statement]:  # one row a fact: a table, not a function with branches
    match event := recorded.event:
        case TaskReleased():
            return [("begin_attempt", row(recorded, attempt=event.attempt))]
        case TaskStarted():
            return [("start", row(recorded, worker=event.worker, deadline=event.deadline))]
        case TaskTakenOver():
            return [("take_over", row(recorded, worker=event.worker))]
        case TaskSucceeded():
            return [("succeed", row(recorded, result=masked(event.result)))]
        case TaskFailed():
            return [("fail", row(recorded, error=event.error, result=masked(event.result)))]
        case TaskOutcomeUnknown():
            return [("lose_sight", row(recorded, reason=event.reason))]
        case TaskOutcomeRejected():
            return [("touch", row(recorded))]
        case TaskTimedOut():
            return [("ask", row(recorded, waiting_for={"kind": "confirmation", "reason": "timeout"}))]
        case TaskConfirmed(decision="continue"):
            return [("go_on", row(recorded, reason=event.reason, deadline=event.deadline))]
        case TaskConfirmed():  # its failure follows, as a fact of its own
            return [("give_up", row(recorded, reason=event.reason))]
        case TaskCancelRequested():
            return [("stop", row(recorded, reason=event.reason, waiting_for={"kind": "cancellation"}))]
        case TaskCancelled():
            return [("cancel", row(recorded, message=event.message, outcome=None if event.stopped else "unknown"))]
    return []
