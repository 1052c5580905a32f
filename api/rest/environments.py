"""Environments (S0, S1, S2)."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.reading import ENVIRONMENTS
from api.rest.call import OneCall, shown
from api.rest.fields import Body, Config, Name, Nothing
from api.rest.paging import Asked, Pages
from api.rest.past import ANSWER, At, shown_then
from api.rest.route import Route
from application.environments import ChangeEnvironment, CreateEnvironment

router = APIRouter(route_class=Route, tags=["environments"])


class NewEnvironment(Body):
    name: Name
    type: Name
    config: Config
    is_active: bool = True


class OtherEnvironment(Body):
    """What is left out stays as it is; the mask `********` keeps a stored secret."""

    name: Name | None = None
    type: Name | None = None
    config: Config | None = None
    is_active: bool | None = None


@router.post("/environments", status_code=201)
async def create_environment(call: OneCall, body: NewEnvironment) -> Response:
    command = CreateEnvironment(body.name, body.type, body.config, body.is_active)
    return await call.done(await call.services.environments.create(call.caller, command), ENVIRONMENTS, 201)


@router.get("/environments")
async def list_environments(call: OneCall, pages: Pages, type: Asked = None, is_active: Annotated[bool | None, Query()] = None) -> Response:
    return pages.answer(await call.read.page(ENVIRONMENTS, **pages.arguments, type=type, is_active=is_active))


@router.get("/environments/{id}", responses=ANSWER)
async def get_environment(call: OneCall, id: str, at: At = None) -> Response:
    return shown(await call.read.one(ENVIRONMENTS, id)) if at is None else shown_then(await call.read.past(ENVIRONMENTS, id, at))


@router.put("/environments/{id}")
async def change_environment(call: OneCall, id: str, body: OtherEnvironment) -> Response:
    command = ChangeEnvironment(id, body.name, body.type, body.config, body.is_active, call.seen)
    return await call.done(await call.services.environments.change(call.caller, command), ENVIRONMENTS)


@router.delete("/environments/{id}")
async def delete_environment(call: OneCall, id: str) -> Response:
    return await call.said(await call.services.environments.delete(call.caller, id), {"message": "Environment deleted successfully"})


@router.post("/environments/{id}/health-check")
async def check_environment(call: OneCall, id: str, body: Nothing | None = None) -> Response:
    health, done = await call.services.environments.check(call.caller, id)
    return await call.said(done, asdict(health))
