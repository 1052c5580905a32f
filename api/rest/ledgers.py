"""What can only be read: the audit, the notifications, the webhook deliveries."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, Field
from starlette.responses import Response, StreamingResponse

from api.reading import AUDIT_LOGS, DELIVERIES, NOTIFICATIONS
from api.rest.call import OneCall, encoded, shown
from api.rest.file_answer import CONTENT, MEDIA, FileAnswer
from api.rest.paging import Asked, Pages
from api.rest.route import Route
from application.ports.audit import Wanted

router = APIRouter(route_class=Route)
Moment = Annotated[Annotated[int, Field(ge=0, lt=2**63)] | AwareDatetime | None, Query(description="a time, or a position of the log")]


@router.get("/audit-logs", tags=["audit"])
async def list_audit_logs(
    call: OneCall, pages: Pages, user_id: Asked = None, action: Asked = None, resource: Asked = None, resource_id: Asked = None,
    from_: Annotated[Moment, Query(alias="from")] = None, to: Moment = None,
) -> Response:
    """Every mutation: who, what, when, from where. `from` and `to` belong to what they bound."""
    return pages.answer(await call.read.page(AUDIT_LOGS, **pages.arguments, user_id=user_id, action=action, resource=resource,
                                             resource_id=resource_id, from_=from_, to=to))


@router.get("/audit-logs/export", tags=["audit"], response_class=StreamingResponse, responses={200: {"content": CONTENT}})
async def export_audit_logs(
    call: OneCall, form: Annotated[Literal["jsonl", "csv"], Query(alias="format")] = "jsonl", user_id: Asked = None, action: Asked = None,
    resource: Asked = None, resource_id: Asked = None, from_: Annotated[Moment, Query(alias="from")] = None, to: Moment = None,
) -> Response:
    """The log as a file, up to where it ends now. JSON lines can be verified elsewhere (`tiangong audit verify`): the last line closes and signs
    them, and what a filter leaves out keeps its position and digest. An export that broke off goes on with `from`, the position behind its last."""
    pieces = await call.read.audit_file(Wanted(from_, to, user_id, action, resource, resource_id), form)
    return await FileAnswer.of(pieces, f"audit.{form}", MEDIA[form], call.services.stopping)


@router.get("/audit-logs/{position}/causes", tags=["audit"])
async def get_causes(call: OneCall, position: Annotated[int, Path(ge=1, lt=2**63)]) -> Response:
    """Why this fact is: step by step back, from the command that stored it to the one that nothing led to. A step prints its command's first
    fact (the first step this fact itself) and `facts`, everything that the command stored. `complete`: the first cause is among them."""
    steps = await call.read.causes(position)
    return encoded({"position": position, "causes": steps, "complete": steps[-1]["causation_id"] is None})


@router.get("/notifications", tags=["notifications"])
async def list_notifications(call: OneCall, pages: Pages, status: Asked = None, deployment_id: Asked = None) -> Response:
    return pages.answer(await call.read.page(NOTIFICATIONS, **pages.arguments, status=status, deployment_id=deployment_id))


@router.get("/notifications/{id}", tags=["notifications"])
async def get_notification(call: OneCall, id: str) -> Response:
    return shown(await call.read.one(NOTIFICATIONS, id))


@router.get("/webhook-deliveries", tags=["webhooks"])
async def list_deliveries(call: OneCall, pages: Pages, provider: Asked = None) -> Response:
    return pages.answer(await call.read.page(DELIVERIES, **pages.arguments, provider=provider))


@router.get("/webhook-deliveries/{id}", tags=["webhooks"])
async def get_delivery(call: OneCall, id: str) -> Response:
    return shown(await call.read.one(DELIVERIES, id))
