"""REST v1, resource by resource. A route understands, calls one service and answers; it decides nothing."""

from fastapi import APIRouter

from api.rest import applications, changes, deployments, environments, ledgers, logs, target, tasks, users, versions, workflow

ROUTERS: tuple[APIRouter, ...] = (
    versions.router, applications.router, environments.router, deployments.router, workflow.router, workflow.s3, logs.router, target.router,
    tasks.router, tasks.s3, changes.router, ledgers.router, users.router, users.secret,
)
S3_ROUTERS: tuple[APIRouter, ...] = (tasks.s3, workflow.s3)
"""What answers at S3's paths too, under `/api`."""
