"""Facts about deployments as rows. What they say of single tasks is the business of the projection `tasks`."""

import msgspec

from domain.deployment.events import (
    DeploymentCancelled,
    DeploymentConfirmationRequested,
    DeploymentConfirmed,
    DeploymentCreated,
    DeploymentFailed,
    DeploymentQueued,
    DeploymentRetried,
    DeploymentRollbackFailed,
    DeploymentRollbackStarted,
    DeploymentRolledBack,
    DeploymentStarted,
    DeploymentSucceeded,
    DeploymentWorkflowChanged,
    TaskCancelledInDeployment,
    TaskConfirmedInDeployment,
    TaskFailedInDeployment,
    TaskSucceededInDeployment,
)
from domain.recorded import Recorded
from projections.engine.counting import Counted
from projections.engine.projection import Parameters, Statement, events_of, row

HANDLES = events_of("deployment")
IGNORES = events_of("version", "application", "environment", "lane", "task", "change", "notification", "delivery", "user", "name")

COUNTED = Counted("deployments", by=(("status", "phase"), ("environment_id", "status", "phase"), ("version_id",)))


def project(recorded: Recorded) -> list[Statement]:
    statement = statement_of(recorded)
    return [statement] if statement else []


def statement_of(recorded: Recorded) -> Statement | None:  # one row a fact: a table, not a function with branches
    match event := recorded.event:
        case (TaskSucceededInDeployment() | TaskFailedInDeployment() | TaskCancelledInDeployment() | TaskConfirmedInDeployment()
              | DeploymentWorkflowChanged()):
            return "touch", row(recorded)
        case DeploymentCreated():
            return "insert_deployment", plan(recorded, event)
        case DeploymentQueued():
            return "queue", row(recorded, waiting_for={"kind": "deployment", "ids": list(event.behind)})
        case DeploymentStarted():
            return "start", row(recorded, release_number=event.release_number, deadline=event.deadline)
        case DeploymentConfirmationRequested():
            return "ask", row(recorded, waiting_for={"kind": "confirmation", "reason": event.reason, "message": event.message})
        case DeploymentConfirmed():
            return "confirm", row(recorded, decision=event.decision, reason=event.reason, deadline=event.deadline)
        case DeploymentRetried():
            return "retry", row(recorded, release_number=event.release_number, deadline=event.deadline)
        case DeploymentSucceeded():
            return "succeed", row(recorded)
        case DeploymentFailed():
            return "fail", row(recorded, error=event.error, waiting_for={"kind": "rollback", "ids": []} if event.rolls_back else None)
        case DeploymentCancelled():
            return "cancel", row(recorded, reason=event.reason)
        case DeploymentRollbackStarted():
            return "start_rollback", row(recorded, rollback_id=event.rollback_id, waiting_for={"kind": "rollback", "ids": [event.rollback_id]})
        case DeploymentRolledBack():
            return "roll_back", row(recorded, rollback_id=event.rollback_id)
        case DeploymentRollbackFailed():
            what = f"the rollback {event.rollback_id}" if event.rollback_id else "the rollback"
            return "fail_rollback", row(recorded, error=f"{what} failed: {event.error}")
    return None


def plan(recorded: Recorded, event: DeploymentCreated) -> Parameters:
    source, target, apps = event.source, event.target, event.applications
    return row(
        recorded,
        version_id=source.version_id, repository=source.repository, git_tag=source.git_tag, git_commit=source.git_commit,
        environment_id=target.environment_id, environment_name=target.name, environment_type=target.type,
        application_ids=[app.id for app in apps], application_names=[app.name for app in apps],
        versions={app.id: (app.source or source).version_id for app in apps}, artifacts=msgspec.to_builtins(event.artifacts),
        must_in_order=list(event.must_in_order), manual_approval=event.manual_approval, auto_start=event.auto_start,
        auto_rollback=event.auto_rollback, timeout=event.timeout, rollback_of=event.rollback_of, change_id=event.change_id,
        correlation_id=recorded.origin.correlation, waiting_for=None if event.auto_start else {"kind": "execution"},
    )
