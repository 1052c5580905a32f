"""Deliveries that were refused at the door: a row for each, never more than the newest ten thousand."""

from starlette.requests import Request

from api.authentication import source_ip
from api.database import execute
from api.services import Services

MOST = 10_000
KEEP = """
insert into ops.refused_webhooks (source_ip, provider, event, delivery_id, reason, bytes) values (%s, %s, %s, %s, %s, %s)"""
FORGET = "delete from ops.refused_webhooks where number <= (select max(number) from ops.refused_webhooks) - %s"


async def keep_refused(request: Request, provider: str, event: str, delivery_id: str, reason: str, size: int) -> None:
    services: Services = request.app.state.services
    request.app.state.metrics.webhook_refused(provider)
    await execute(services.pool, KEEP, (source_ip(request), provider, printable(event), printable(delivery_id), reason, size))
    await execute(services.pool, FORGET, (MOST,))


def printable(text: str) -> str:
    """A header that anybody can send, as it may be kept."""
    return "".join(char for char in text[:100] if char.isprintable())
