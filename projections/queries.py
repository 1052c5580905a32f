"""Every question that can be asked of the read models, in one place for the API. Each takes a pool of asynchronous connections first; a list
answers `(rows, total, next)`, a single thing a dict or None. Times are datetimes in UTC. Beside the REST fields each row has
`stream_version` (for the ETag) and `position` (of its last change in the log)."""

from projections.applications.queries import get_application, list_applications, live_applications
from projections.audit_logs.causes import causes
from projections.audit_logs.queries import get_audit_log, list_audit_logs
from projections.changes.queries import get_change, list_changes
from projections.deliveries.queries import get_delivery, list_deliveries
from projections.deployments.queries import get_deployment, last_success, list_deployments, unfinished_deployments
from projections.deployments.workflow import deployment_progress, deployment_workflow, used_by
from projections.environments.queries import get_environment, list_environments
from projections.health import position, quarantined
from projections.notifications.queries import get_notification, list_notifications
from projections.tasks.queries import get_task, list_tasks, tasks_of
from projections.users.queries import get_token, get_user, list_tokens, list_users, printed_names, token_with_user, tokens_in_use
from projections.versions.queries import get_version, list_versions, tags_of

__all__ = [
    "causes", "deployment_progress", "deployment_workflow", "get_application", "get_audit_log", "get_change", "get_delivery", "get_deployment",
    "get_environment", "get_notification", "get_task", "get_token", "get_user", "get_version", "last_success", "list_applications",
    "list_audit_logs", "list_changes", "list_deliveries", "list_deployments", "list_environments", "list_notifications", "list_tasks",
    "list_tokens", "list_users", "list_versions", "live_applications", "position", "printed_names", "quarantined", "tags_of", "tasks_of",
    "token_with_user", "tokens_in_use", "unfinished_deployments", "used_by",
]
