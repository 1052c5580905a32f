"""Applications (S1, S2)."""

from fastapi import APIRouter
from starlette.responses import Response

from api.reading import APPLICATIONS
from api.rest.call import OneCall, shown
from api.rest.fields import Body, Config, Name, Repository
from api.rest.paging import Asked, Pages
from api.rest.route import Route
from application.applications import ChangeApplication, CreateApplication

router = APIRouter(route_class=Route, tags=["applications"])


class NewApplication(Body):
    name: Name
    repository: Repository
    type: Name
    config: Config = {}


class OtherApplication(Body):
    """What is left out stays as it is."""

    name: Name | None = None
    type: Name | None = None
    config: Config | None = None


@router.post("/applications", status_code=201)
async def create_application(call: OneCall, body: NewApplication) -> Response:
    command = CreateApplication(body.name, body.repository, body.type, body.config)
    return await call.done(await call.services.applications.create(call.caller, command), APPLICATIONS, 201)


@router.get("/applications")
async def list_applications(call: OneCall, pages: Pages, repository: Asked = None, type: Asked = None) -> Response:
    return pages.answer(await call.read.page(APPLICATIONS, **pages.arguments, repository=repository, type=type))


@router.get("/applications/{id}")
async def get_application(call: OneCall, id: str) -> Response:
    return shown(await call.read.one(APPLICATIONS, id))


@router.put("/applications/{id}")
async def change_application(call: OneCall, id: str, body: OtherApplication) -> Response:
    command = ChangeApplication(id, body.name, body.type, body.config, call.seen)
    return await call.done(await call.services.applications.change(call.caller, command), APPLICATIONS)


@router.delete("/applications/{id}")
async def delete_application(call: OneCall, id: str) -> Response:
    return await call.said(await call.services.applications.delete(call.caller, id), {"message": "Application deleted successfully"})
