"""From released tasks to the work queue, and from a free environment to whoever waits for it."""

from application.processes import reactions
from application.processes.wishes import AdmitNext, HoldTask, OfferTask, Wish, WithdrawTask
from domain.event import Event
from domain.lane.events import LaneHandedOver, LaneLeft
from domain.task.events import TaskCancelled, TaskFailed, TaskReleased, TaskStarted, TaskSucceeded


@reactions.to(TaskReleased, TaskStarted, TaskSucceeded, TaskFailed, TaskCancelled, LaneLeft, LaneHandedOver)
def react(event: Event) -> list[Wish]:
    match event:
        case TaskReleased():
            return [OfferTask(event.stream, event.attempt)]
        case TaskStarted():
            return [HoldTask(event.stream, event.attempt, event.token, event.worker)]
        case TaskSucceeded() | TaskFailed() | TaskCancelled():
            return [WithdrawTask(event.stream, event.attempt)]
        case LaneLeft() | LaneHandedOver():  # a rollback may need less than what it takes over
            return [AdmitNext(event.environment_id)]
    return []
