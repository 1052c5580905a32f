"""Versions, applications and environments are answered as S1 and S2 print them."""

import pytest

from tests.api.printed_bodies import request, same
from tests.api.story import REPOSITORY, V1

SOURCES = ("s1", "s2")


@pytest.mark.parametrize("source", SOURCES)
async def test_versions_are_printed_as_in_the_documents(admin, source):
    made = await admin.post(f"{V1}/versions", json=request(f"{source}_post_versions"))
    assert made.status_code == 201
    same(f"{source}_post_versions", made.json())
    id = made.json()["id"]
    same(f"{source}_get_versions", (await admin.get(f"{V1}/versions?repository={REPOSITORY}")).json())
    same(f"{source}_get_versions_id", (await admin.get(f"{V1}/versions/{id}")).json())
    gone = await admin.delete(f"{V1}/versions/{id}")
    assert (gone.status_code, gone.json()) == (200, {"message": "Version deleted successfully"})
    assert (await admin.get(f"{V1}/versions/{id}")).status_code == 404


@pytest.mark.parametrize("source", SOURCES)
async def test_applications_are_printed_as_in_the_documents(admin, source):
    asked = request(f"{source}_post_applications")
    made = await admin.post(f"{V1}/applications", json=asked)
    assert made.status_code == 201
    assert made.json()["config"] == asked["config"]
    same(f"{source}_post_applications", made.json())
    id = made.json()["id"]
    same(f"{source}_get_applications", (await admin.get(f"{V1}/applications?repository={REPOSITORY}&type=microservice")).json())
    same(f"{source}_get_applications_id", (await admin.get(f"{V1}/applications/{id}")).json())
    changed = await admin.put(f"{V1}/applications/{id}", json=request(f"{source}_put_applications_id"))
    same(f"{source}_put_applications_id", changed.json())
    assert changed.json()["name"] == "api-service-v2"
    assert changed.json()["updated_at"] > changed.json()["created_at"]
    gone = await admin.delete(f"{V1}/applications/{id}")
    assert (gone.status_code, gone.json()) == (200, {"message": "Application deleted successfully"})


@pytest.mark.parametrize("source", SOURCES)
async def test_environments_are_printed_as_in_the_documents_but_for_the_secret(admin, source):
    made = await admin.post(f"{V1}/environments", json=request(f"{source}_post_environments"))
    assert made.status_code == 201
    assert made.json()["config"] == {"cluster": "prod-cluster", "namespace": "default", "kubeconfig": "********"}
    same(f"{source}_post_environments", made.json())
    id = made.json()["id"]
    same(f"{source}_get_environments", (await admin.get(f"{V1}/environments?type=kubernetes&is_active=true")).json())
    assert (await admin.get(f"{V1}/environments?is_active=false")).json()["total"] == 0
    same(f"{source}_get_environments_id", (await admin.get(f"{V1}/environments/{id}")).json())
    changed = await admin.put(f"{V1}/environments/{id}", json=request(f"{source}_put_environments_id"))
    same(f"{source}_put_environments_id", changed.json())
    gone = await admin.delete(f"{V1}/environments/{id}")
    assert (gone.status_code, gone.json()) == (200, {"message": "Environment deleted successfully"})


@pytest.mark.parametrize("name", ["s2_kubernetes", "s2_physical"])
async def test_the_example_configurations_are_valid_as_they_stand(admin, name):
    asked = request(name)
    made = await admin.post(f"{V1}/environments", json={"name": name, **asked})
    assert made.status_code == 201, made.text
    assert {key: made.json()["config"][key] for key in asked["config"] if key not in ("kubeconfig", "ssh_key")} == {
        key: value for key, value in asked["config"].items() if key not in ("kubeconfig", "ssh_key")}


async def test_errors_are_printed_as_in_the_documents(admin):
    answer = await admin.post(f"{V1}/versions", json={"git_tag": "v1.0.0", "repository": REPOSITORY})
    same("s2_error", answer.json())
    assert answer.json()["error"]["code"] == "INVALID_REQUEST"
    assert answer.json()["error"]["details"]["field"] == "git_commit"
