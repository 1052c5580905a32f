"""From released tasks to the work queue, and from a free environment to whoever waits for it."""

from application.processes.wishes import AdmitNext, OfferTask, Wish
from domain.event import Event
from domain.lane.events import LaneHandedOver, LaneLeft
from domain.task.events import TaskReleased


def react(event: Event) -> list[Wish]:
    match event:
        case TaskReleased():
            return [OfferTask(event.stream, event.attempt)]
        case LaneLeft() | LaneHandedOver():  # a rollback may need less than what it takes over
            return [AdmitNext(event.environment_id)]
    return []
