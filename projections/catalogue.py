"""All projections."""

from projections.engine.projection import load

NAMES = ("users", "versions", "applications", "environments", "history", "deployments", "tasks", "changes", "notifications", "deliveries",
         "audit_logs")
PROJECTIONS = tuple(load(name) for name in NAMES)
