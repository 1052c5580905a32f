"""What can have happened to a deployment: one version's way into one environment, as a workflow of tasks."""

from datetime import datetime

from domain.deployment.values import AppSnapshot, TaskSpec
from domain.event import Event
from domain.task.values import Artifact, Source, Target


class DeploymentCreated(Event, frozen=True, kw_only=True):
    """A deployment is planned: what, where, by which tasks."""

    TOPIC = "deployment.created"
    source: Source
    applications: tuple[AppSnapshot, ...]
    target: Target
    tasks: tuple[TaskSpec, ...]
    artifacts: dict[str, Artifact] = {}
    """By application id: packages that exist already, so that nothing is built (a rollback)."""
    must_in_order: tuple[str, ...] = ()
    manual_approval: bool = False
    auto_start: bool = True
    auto_rollback: bool = True
    timeout: float = 1800.0
    """Seconds from the start until a person is asked."""
    rollback_of: str = ""
    """The deployment that this one undoes."""
    change_id: str = ""


class DeploymentQueued(Event, frozen=True, kw_only=True):
    """It was to start, and waits for these deployments of the same applications in the same environment."""

    TOPIC = "deployment.queued"
    behind: tuple[str, ...]


class DeploymentStarted(Event, frozen=True, kw_only=True):
    """It runs: these tasks were released, those wait for a person's word."""

    TOPIC = "deployment.started"
    release_number: int
    deadline: datetime
    released: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


class DeploymentConfirmationRequested(Event, frozen=True, kw_only=True):
    """It waits for a person: `manual_approval` (before anything runs) or `timeout` (its deadline passed)."""

    TOPIC = "deployment.confirmation_requested"
    reason: str
    message: str
    deadline: datetime | None = None
    """The deadline that passed."""


class DeploymentConfirmed(Event, frozen=True, kw_only=True):
    """A person said `continue` or `rollback`. After `continue` it has until `deadline`, and these tasks were released."""

    TOPIC = "deployment.confirmed"
    decision: str
    reason: str
    deadline: datetime | None = None
    released: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


class TaskSucceededInDeployment(Event, frozen=True, kw_only=True):
    """A task ended well; what waited for it alone was released or is held for a person's word."""

    TOPIC = "deployment.task_succeeded"
    task_id: str
    artifact: Artifact | None = None
    released: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


class TaskFailedInDeployment(Event, frozen=True, kw_only=True):
    """A task ended badly; nothing more is released."""

    TOPIC = "deployment.task_failed"
    task_id: str
    error: str


class TaskCancelledInDeployment(Event, frozen=True, kw_only=True):
    """A task that ran was stopped, or could not be: `stopped` says which."""

    TOPIC = "deployment.task_cancelled"
    task_id: str
    stopped: bool
    message: str
    began: bool = True
    """False: nobody had taken hold of it yet, so that it has changed nothing."""


class TaskConfirmedInDeployment(Event, frozen=True, kw_only=True):
    """A person let a held task run (`continue`), or refused it (`rollback`); or gave up one that runs (`rollback`): its end follows."""

    TOPIC = "deployment.task_confirmed"
    task_id: str
    decision: str
    reason: str
    released: tuple[str, ...] = ()


class DeploymentWorkflowChanged(Event, frozen=True, kw_only=True):
    """Somebody edited the workflow before its tasks ran."""

    TOPIC = "deployment.workflow_changed"
    tasks: tuple[TaskSpec, ...]


class DeploymentRetried(Event, frozen=True, kw_only=True):
    """These failed tasks run again, as new attempts."""

    TOPIC = "deployment.retried"
    task_ids: tuple[str, ...]
    deadline: datetime
    release_number: int
    released: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


class DeploymentSucceeded(Event, frozen=True, kw_only=True):
    """Every task ended well."""

    TOPIC = "deployment.succeeded"


class DeploymentFailed(Event, frozen=True, kw_only=True):
    """A task ended badly and nothing runs any more. `rolls_back`: the version before is to be put back by a deployment of its own."""

    TOPIC = "deployment.failed"
    error: str
    task_type: str
    rolls_back: bool = False


class DeploymentCancelled(Event, frozen=True, kw_only=True):
    """Somebody stopped it. Of these tasks, which ran, each end is recorded on its own."""

    TOPIC = "deployment.cancelled"
    reason: str
    stopping: tuple[str, ...] = ()


class DeploymentRollbackStarted(Event, frozen=True, kw_only=True):
    """A deployment that undoes this one was made."""

    TOPIC = "deployment.rollback_started"
    rollback_id: str
    automatic: bool


class DeploymentRolledBack(Event, frozen=True, kw_only=True):
    """The deployment that undoes this one succeeded."""

    TOPIC = "deployment.rolled_back"
    rollback_id: str


class DeploymentRollbackFailed(Event, frozen=True, kw_only=True):
    """The deployment that was to undo this one did not succeed, or could not be made: a person is needed."""

    TOPIC = "deployment.rollback_failed"
    rollback_id: str
    error: str
