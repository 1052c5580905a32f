"""A deployment that failed on its target is followed by one that puts back what ran before."""

from application.processes import reactions
from application.processes.wishes import FinishChange, PutBack, Wish
from domain.deployment.events import DeploymentCancelled, DeploymentFailed, DeploymentSucceeded
from domain.event import Event


@reactions.to(DeploymentFailed, DeploymentSucceeded, DeploymentCancelled)
def react(event: Event) -> list[Wish]:
    match event:
        case DeploymentFailed(rolls_back=True):
            return [PutBack(event.stream), FinishChange(event.stream)]
        case DeploymentSucceeded() | DeploymentFailed() | DeploymentCancelled():
            return [FinishChange(event.stream)]
    return []
