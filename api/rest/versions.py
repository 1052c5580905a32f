"""Versions (S1, S2)."""

from fastapi import APIRouter
from starlette.responses import Response

from api.reading import VERSIONS
from api.rest.call import OneCall, shown
from api.rest.fields import Body, GitCommit, GitTag, Repository, Text
from api.rest.paging import Asked, Pages
from api.rest.route import Route
from application.versions import CreateVersion

router = APIRouter(route_class=Route, tags=["versions"])


class NewVersion(Body):
    git_tag: GitTag
    git_commit: GitCommit
    repository: Repository
    description: Text = ""


@router.post("/versions", status_code=201)
async def create_version(call: OneCall, body: NewVersion) -> Response:
    command = CreateVersion(body.git_tag, body.git_commit, body.repository, body.description)
    return await call.done(await call.services.versions.create(call.caller, command), VERSIONS, 201)


@router.get("/versions")
async def list_versions(call: OneCall, pages: Pages, repository: Asked = None) -> Response:
    return pages.answer(await call.read.page(VERSIONS, **pages.arguments, repository=repository))


@router.get("/versions/{id}")
async def get_version(call: OneCall, id: str) -> Response:
    return shown(await call.read.one(VERSIONS, id))


@router.delete("/versions/{id}")
async def delete_version(call: OneCall, id: str) -> Response:
    return await call.said(await call.services.versions.delete(call.caller, id), {"message": "Version deleted successfully"})
