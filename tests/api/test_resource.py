"""Finding a route by the first name in its path changes nothing but how long it takes; rows for answers are read together."""

import asyncio

import pytest
from fastapi import APIRouter

from api.reading import CHANGES, DEPLOYMENTS, VERSIONS
from api.resource import Resource
from api.rows import Rows
from domain.access import Actor, Forbidden
from domain.errors import NotFound
from tests.api.story import V1
from tests.api.test_access import VERSION

VIEWER = Actor("usr_v", "v", frozenset({"viewer"}))


def test_a_route_without_a_name_to_know_it_by_is_a_mistake():
    router = APIRouter()
    router.add_api_route("/{id}", lambda id: id)
    with pytest.raises(ValueError, match="does not begin with a name"):
        Resource(router, "/api/v1")


@pytest.mark.parametrize(("method", "path", "status"), [
    ("PATCH", "/versions", 405), ("GET", "/version", 404), ("GET", "/versionsx", 404), ("GET", "/", 404), ("GET", "/versions/", 404),
])
async def test_what_is_not_there_is_answered_as_before(admin, method, path, status):
    assert (await admin.request(method, V1 + path)).status_code == status


async def test_those_who_ask_at_once_are_answered_by_a_few_queries(rig, admin):
    ids = [(await admin.post(f"{V1}/versions", json=VERSION | {"git_tag": f"v1.0.{n}"})).json()["id"] for n in range(20)]
    rows, pool = Rows(rig.services.pool), rig.services.pool
    before = pool.get_stats()["requests_num"]
    found = await asyncio.gather(*(rows.wanted(VIEWER, VERSIONS, id).row() for id in ids))
    assert [row["id"] for row in found] == ids
    assert pool.get_stats()["requests_num"] - before <= 3


async def test_what_was_asked_for_early_is_asked_once(rig, admin):
    ids = [(await admin.post(f"{V1}/versions", json=VERSION | {"git_tag": f"v2.0.{n}"})).json()["id"] for n in range(2)]
    rows, asked = Rows(rig.services.pool), []
    for id in ids:
        asked.append(wanted := rows.wanted(VIEWER, VERSIONS, id))
        wanted.ask()
        wanted.ask()
    assert [(await wanted.row())["id"] for wanted in asked] == ids


async def test_what_is_not_there_or_not_for_everybody_is_said(rig):
    rows = Rows(rig.services.pool)
    for kind in (CHANGES, DEPLOYMENTS):
        with pytest.raises(NotFound):
            await rows.wanted(VIEWER, kind, "nothing_1").row()
    with pytest.raises(Forbidden):
        rows.wanted(Actor("usr_x", "x", frozenset()), CHANGES, "chg_1")
