"""Changes (S0): asked for by one, agreed to by another, then carried out."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.reading import CHANGES
from api.rest.call import OneCall, shown
from api.rest.fields import Body, Config, Name, Nothing, Text
from api.rest.paging import Asked, Pages
from api.rest.past import ANSWER, At, shown_then
from api.rest.route import Route
from application.changes import CreateChange

router = APIRouter(route_class=Route, tags=["changes"])
Type = Literal["deployment", "rollback", "config", "emergency"]
Status = Literal["draft", "submitted", "approved", "rejected", "executing", "completed", "failed", "cancelled"]


class NewChange(Body):
    title: Name
    type: Type
    payload: Config
    description: Text = ""


class Approval(Body):
    comment: Text = ""


class Reason(Body):
    reason: Text = ""


@router.post("/changes", status_code=201)
async def create_change(call: OneCall, body: NewChange) -> Response:
    command = CreateChange(body.title, body.type, body.payload, body.description)
    return await call.done(await call.services.changes.create(call.caller, command), CHANGES, 201)


@router.get("/changes")
async def list_changes(call: OneCall, pages: Pages, status: Annotated[Status | None, Query()] = None, type: Annotated[Type | None, Query()] = None,
                       applicant_id: Asked = None) -> Response:
    return pages.answer(await call.read.page(CHANGES, **pages.arguments, status=status, type=type, applicant_id=applicant_id))


@router.get("/changes/{id}", responses=ANSWER)
async def get_change(call: OneCall, id: str, at: At = None) -> Response:
    return shown(await call.read.one(CHANGES, id)) if at is None else shown_then(await call.read.past(CHANGES, id, at))


@router.post("/changes/{id}/submit")
async def submit_change(call: OneCall, id: str, body: Nothing | None = None) -> Response:
    return await call.done(await call.services.changes.submit(call.caller, id), CHANGES)


@router.post("/changes/{id}/approve")
async def approve_change(call: OneCall, id: str, body: Approval | None = None) -> Response:
    return await call.done(await call.services.changes.approve(call.caller, id, body.comment if body else ""), CHANGES)


@router.post("/changes/{id}/reject")
async def reject_change(call: OneCall, id: str, body: Reason | None = None) -> Response:
    return await call.done(await call.services.changes.reject(call.caller, id, body.reason if body else ""), CHANGES)


@router.post("/changes/{id}/execute")
async def execute_change(call: OneCall, id: str, body: Nothing | None = None) -> Response:
    """Does what it says under the approved digest; `deployment_id` is what came of it."""
    return await call.done(await call.services.changes.execute(call.caller, id), CHANGES)


@router.post("/changes/{id}/cancel")
async def cancel_change(call: OneCall, id: str, body: Reason | None = None) -> Response:
    return await call.done(await call.services.changes.cancel(call.caller, id, body.reason if body else ""), CHANGES)
