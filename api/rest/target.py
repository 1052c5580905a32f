"""What runs in a deployment's environment now: the target itself is asked."""

import asyncio
from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.responses import Response

from api.errors import unavailable
from api.reading import PLAIN_DEPLOYMENTS
from api.rest.call import OneCall, encoded
from api.rest.route import Route
from application.ports.deployer import ServiceStatus
from domain.errors import Refused

router = APIRouter(route_class=Route, tags=["deployments"])
PATIENCE = 30.0


@router.get("/deployments/{id}/target")
async def get_target(call: OneCall, id: str) -> Response:
    row = await call.read.one(PLAIN_DEPLOYMENTS, id)
    target, secrets = await call.services.target(row["environment_id"])
    deployer = call.services.deployers.get(target.type)
    if deployer is None:
        raise Refused(f"this server cannot reach environments of type {target.type}")
    try:
        services = await asyncio.wait_for(deployer.services(target, secrets), PATIENCE)
    except TimeoutError:
        raise unavailable(f"the target gave no answer within {PATIENCE:g} s") from None
    return encoded({
        "status": status_of(services), "replicas": len(services), "ready_replicas": sum(service.running for service in services),
        "updated_at": datetime.now(UTC), "pods": [], "services": services})


def status_of(services: tuple[ServiceStatus, ...]) -> str:
    """`running`: everywhere; `degraded`: somewhere; `stopped`: nowhere."""
    running = sum(service.running for service in services)
    return "running" if services and running == len(services) else "degraded" if running else "stopped"
