"""What operators and their monitors ask: is it alive, can it do its work, what are the figures."""

import asyncio
import hmac
import ipaddress

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from api.authentication import source_ip
from api.database import AWAY, first
from api.errors import Problem, unauthorized
from api.rest.call import encoded
from api.services import Services

router = APIRouter(tags=["operations"])
LONGEST_LAG = 1000
"""Events that the read models may be behind before the server says that it is not ready."""
PATIENCE = 3.0
"""Seconds for the database to say how far it is: who asks whether we are ready does not wait long."""
STATE = """
select (select position from log.stored_events_head), (select position from positions where name = 'views'),
       (select count(*) from quarantine), (select count(*) from ops.process_failures)"""


@router.get("/healthz")
async def healthz() -> Response:
    """The process lives and answers."""
    return encoded({"status": "ok"})


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """200 where work can be done, else 503. `quarantined` and `process_failures` want a person; they keep nobody else from working."""
    services: Services = request.app.state.services
    trouble = {name: what for name, what in services.status().items() if what}
    figures: dict[str, int | None] = {}
    try:
        async with asyncio.timeout(PATIENCE):
            row = await first(services.pool, STATE) or (0, 0, 0, 0)
        lag = max(0, row[0] - row[1])
        figures = {"position": row[0], "lag": lag, "quarantined": row[2], "process_failures": row[3]}
        if lag > LONGEST_LAG:
            trouble["projections"] = f"the read models are {lag} events behind"
    except TimeoutError:
        trouble["database"] = f"does not answer within {PATIENCE:g} s"
    except AWAY as error:
        trouble["database"] = f"cannot be reached: {type(error).__name__}"
    return encoded({"status": "unavailable" if trouble else "ok", "trouble": trouble, **figures}, 503 if trouble else 200)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """With METRICS_TOKEN, for those who send it; without, for this machine only, and not through a proxy."""
    services: Services = request.app.state.services
    token = services.settings.metrics_token
    if token is None:
        if not is_loopback(source_ip(request)) or "x-forwarded-for" in request.headers:
            raise Problem(403, "set METRICS_TOKEN to read the metrics from another machine")
    elif not hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {token.get_secret_value()}".encode()):
        raise unauthorized()
    return Response(generate_latest(services.registry), media_type=CONTENT_TYPE_LATEST)


def is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
