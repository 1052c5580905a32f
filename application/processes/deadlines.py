"""No unfinished deployment, task or notification without a live timer: what runs has a deadline, what waits for a person a reminder."""

from datetime import timedelta

from application.processes import reactions
from application.processes.wishes import CancelTimer, SetTimer, Wish
from domain.deployment.events import (
    DeploymentCancelled,
    DeploymentConfirmationRequested,
    DeploymentConfirmed,
    DeploymentCreated,
    DeploymentFailed,
    DeploymentRetried,
    DeploymentStarted,
    DeploymentSucceeded,
)
from domain.event import Event
from domain.notification.events import NotificationFailed, NotificationRequested, NotificationSent
from domain.task.events import TaskCancelled, TaskConfirmed, TaskFailed, TaskReleased, TaskStarted, TaskSucceeded, TaskTimedOut

DEADLINE, REMINDER, DELIVERY = "deadline", "reminder", "delivery"
REMIND_AFTER = timedelta(hours=24)
DEPLOYMENT_ENDS = (DeploymentSucceeded, DeploymentFailed, DeploymentCancelled)
TASK_ENDS = (TaskSucceeded, TaskFailed, TaskCancelled)


@reactions.to(
    DeploymentCreated, DeploymentStarted, DeploymentRetried, DeploymentConfirmationRequested, DeploymentConfirmed, *DEPLOYMENT_ENDS,
    TaskReleased, TaskStarted, TaskTimedOut, TaskConfirmed, *TASK_ENDS, NotificationRequested, NotificationSent, NotificationFailed)
def react(event: Event) -> list[Wish]:
    match event:
        case DeploymentCreated() | TaskReleased() | TaskTimedOut():
            return [*over(event, DEADLINE), SetTimer(event.stream, REMINDER, event.at + REMIND_AFTER)]
        case DeploymentConfirmationRequested():
            return [*over(event, DEADLINE), SetTimer(event.stream, REMINDER, event.at + REMIND_AFTER)]
        case DeploymentStarted() | DeploymentRetried() | TaskStarted():
            return [*over(event, REMINDER), SetTimer(event.stream, DEADLINE, event.deadline)]
        case DeploymentConfirmed() | TaskConfirmed() if event.deadline:
            return [*over(event, REMINDER), SetTimer(event.stream, DEADLINE, event.deadline)]
        case NotificationRequested():
            return [SetTimer(event.stream, DELIVERY, event.at)]
        case NotificationSent() | NotificationFailed():
            return over(event, DELIVERY)
    if isinstance(event, DEPLOYMENT_ENDS + TASK_ENDS):
        return [*over(event, DEADLINE), *over(event, REMINDER)]
    return []


def over(event: Event, kind: str) -> list[Wish]:
    return [CancelTimer(event.stream, kind)]
