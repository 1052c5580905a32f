"""S3's four rules, and two of ours: which facts people are told of."""

from application.processes import reactions
from application.processes.wishes import Notify, Wish
from domain.deployment.events import DeploymentConfirmationRequested, DeploymentFailed, DeploymentRollbackFailed, DeploymentRolledBack
from domain.event import Event
from domain.task.events import TaskTimedOut

RULES = {"build": "build_failed", "test": "build_failed", "health_check": "health_check_failed"}
"""By the type of the task that failed; every other type is `deploy_failed`."""


@reactions.to(DeploymentFailed, DeploymentConfirmationRequested, TaskTimedOut, DeploymentRolledBack, DeploymentRollbackFailed)
def react(event: Event) -> list[Wish]:
    match event:
        case DeploymentFailed():
            back = "; the version before is being put back" if event.rolls_back else ""
            return [Notify(RULES.get(event.task_type, "deploy_failed"), "critical", event.stream, "", event.error + back)]
        case DeploymentConfirmationRequested(reason="timeout"):
            return [Notify("deploy_timeout", "warning", event.stream, "", event.message)]
        case TaskTimedOut():
            return [Notify("deploy_timeout", "warning", "", event.stream, "its deadline passed and its outcome is not known: confirm or roll back")]
        case DeploymentRolledBack():
            return [Notify("rolled_back", "info", event.stream, "", f"the version before is in place again ({event.rollback_id})")]
        case DeploymentRollbackFailed():
            return [Notify("rollback_failed", "critical", event.stream, "", event.error)]
    return []
