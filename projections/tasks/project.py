"""Facts about tasks as rows: what deployments say of them, and what their own streams say."""

from domain.deployment import events as deployment
from domain.recorded import Recorded
from projections.engine.counting import Counted
from projections.engine.projection import Statement, events_of
from projections.tasks.attempts import of_task
from projections.tasks.workflow import of_deployment

OF_TASKS = events_of("task")
HANDLES = OF_TASKS | {
    deployment.DeploymentCreated, deployment.DeploymentStarted, deployment.DeploymentConfirmed, deployment.TaskSucceededInDeployment,
    deployment.TaskConfirmedInDeployment, deployment.DeploymentWorkflowChanged, deployment.DeploymentRetried, deployment.DeploymentCancelled,
    deployment.DeploymentRolledBack,
}
IGNORES = events_of("version", "application", "environment", "lane", "change", "notification", "delivery", "user", "name") | {
    deployment.DeploymentQueued, deployment.DeploymentConfirmationRequested,
    deployment.TaskFailedInDeployment, deployment.TaskCancelledInDeployment,  # the task's own stream has said so, in the same append
    deployment.DeploymentSucceeded, deployment.DeploymentFailed, deployment.DeploymentRollbackStarted, deployment.DeploymentRollbackFailed,
}

COUNTED = Counted("tasks", by=(("status", "type"),))


def project(recorded: Recorded) -> list[Statement]:
    return of_task(recorded) if type(recorded.event) in OF_TASKS else of_deployment(recorded)
