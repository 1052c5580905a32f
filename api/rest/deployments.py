"""Deployments (S0, S1, S2, S4)."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import AfterValidator, Field
from starlette.responses import Response

from api.reading import DEPLOYMENTS, PLAIN_DEPLOYMENTS
from api.rest.call import OneCall, shown
from api.rest.fields import MOST_ENTRIES, Body, Id, Nothing, Text, each_once
from api.rest.paging import Asked, Pages
from api.rest.past import ANSWER, At, shown_then
from api.rest.route import Route
from application.deployments.create import CreateDeployment

router = APIRouter(route_class=Route, tags=["deployments"])
Status = Literal["pending", "running", "waiting_confirm", "success", "failed", "cancelled", "rolled_back"]
LONGEST = 7 * 24 * 3600.0
Ids = Annotated[list[Id], Field(max_length=MOST_ENTRIES), AfterValidator(each_once)]


class NewDeployment(Body):
    version_id: Id
    application_ids: Annotated[Ids, Field(min_length=1)]
    environment_id: Id
    must_in_order: Ids = []
    manual_approval: bool = False
    auto_start: bool = True
    timeout: float = Field(1800.0, gt=0, le=LONGEST, description="seconds")


class Rollback(Body):
    """Without a target: what ran before."""

    target_version_id: Id | None = None


class Decision(Body):
    decision: Literal["continue", "rollback"]
    reason: Text = ""


@router.post("/deployments", status_code=201)
async def create_deployment(call: OneCall, body: NewDeployment) -> Response:
    command = CreateDeployment(body.version_id, tuple(body.application_ids), body.environment_id, tuple(body.must_in_order), body.manual_approval,
                               body.auto_start, body.timeout)
    return await call.done(await call.services.deployments.create(call.caller, command), DEPLOYMENTS, 201)


@router.get("/deployments")
async def list_deployments(call: OneCall, pages: Pages, status: Annotated[Status | None, Query()] = None, environment_id: Asked = None,
                           version_id: Asked = None) -> Response:
    """`status`: one of S2's five words, or an exact phase."""
    return pages.answer(await call.read.page(DEPLOYMENTS, **pages.arguments, status=status, environment_id=environment_id, version_id=version_id))


@router.get("/deployments/{id}", responses=ANSWER)
async def get_deployment(call: OneCall, id: str, at: At = None) -> Response:
    """With `at` its tasks have no `logs`: log lines are not facts, and stay where they are."""
    return shown(await call.read.one(DEPLOYMENTS, id)) if at is None else shown_then(await call.read.past(PLAIN_DEPLOYMENTS, id, at))


@router.post("/deployments/{id}/execute")
async def execute_deployment(call: OneCall, id: str, body: Nothing | None = None) -> Response:
    return await call.done(await call.services.deployments.execute(call.caller, id), DEPLOYMENTS)


@router.post("/deployments/{id}/cancel")
async def cancel_deployment(call: OneCall, id: str, body: Nothing | None = None) -> Response:
    done = await call.services.deployments.cancel(call.caller, id)
    await call.catch_up(done)
    row = await call.read.one(DEPLOYMENTS, done.id)
    return shown({key: row[key] for key in ("id", "status", "error_message", "phase", "stream_version")}, position=done.position)


@router.post("/deployments/{id}/rollback", status_code=201)
async def roll_back_deployment(call: OneCall, id: str, body: Rollback | None = None) -> Response:
    """A new deployment of the version before, or of the one named."""
    target = body.target_version_id or "" if body else ""
    return await call.done(await call.services.deployments.rollback(call.caller, id, target), DEPLOYMENTS, 201)


@router.post("/deployments/{id}/confirm")
async def confirm_deployment(call: OneCall, id: str, body: Decision) -> Response:
    return await call.done(await call.services.deployments.confirm(call.caller, id, body.decision, body.reason), DEPLOYMENTS)


@router.post("/deployments/{id}/retry")
async def retry_deployment(call: OneCall, id: str, body: Nothing | None = None) -> Response:
    """All its failed tasks, as new attempts."""
    return await call.done(await call.services.deployments.retry(call.caller, id), DEPLOYMENTS)


@router.get("/deployments/{id}/progress")
async def get_progress(call: OneCall, id: str) -> Response:
    return shown(await call.read.progress(id))
