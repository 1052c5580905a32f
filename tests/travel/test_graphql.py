"""`at` in GraphQL: the same past, in camelCase."""

from tests.api.story import V1, application, created, deployment, environment, version
from tests.api.test_graphql import ask, code_of
from tests.travel.test_at import finished, position

DEPLOYMENT = "query($id: ID!, $at: String) { deployment(id: $id, at: $at) { status approvedBy tasks { status logs { message } } logs { message } } }"
ENVIRONMENT = """
query($id: ID!, $at: String) { environment(id: $id, at: $at) {
  name config isActive status installed { application deploymentId gitTag since createdBy approvedBy approvedAt }
  lane { inside { deploymentId number } waiting { deploymentId behind } } } }"""
CHANGE = "query($id: ID!, $at: String) { change(id: $id, at: $at) { title status approvedBy payload } }"


async def test_a_deployment_as_it_was_has_the_tasks_of_then_and_no_log_lines(rig, admin):
    id = (await deployment(admin))["id"]
    begun = await position(admin)
    await finished(rig, admin, id)
    then = (await ask(admin, DEPLOYMENT, id=id, at=str(begun)))["data"]["deployment"]
    assert (then["status"], [task["status"] for task in then["tasks"]], then["logs"]) == ("running", ["pending", "blocked"], [])
    assert [task["logs"] for task in then["tasks"]] == [[], []]
    now = (await ask(admin, DEPLOYMENT, id=id))["data"]["deployment"]
    assert (now["status"], [task["status"] for task in now["tasks"]]) == ("success", ["success", "success"])


async def test_an_environment_is_asked_now_and_then(rig, admin):
    env = await environment(admin)
    id = (await deployment(admin, environment_id=env))["id"]
    begun = await position(admin)
    await finished(rig, admin, id)
    then = (await ask(admin, ENVIRONMENT, id=env, at=str(begun)))["data"]["environment"]
    assert (then["installed"], then["lane"]) == ([], {"inside": [{"deploymentId": id, "number": 1}], "waiting": []})
    now = (await ask(admin, ENVIRONMENT, id=env))["data"]["environment"]
    assert [(each["deploymentId"], each["gitTag"], each["createdBy"]) for each in now["installed"]] == [(id, "v1.0.0", "admin@example.com")]
    assert now["lane"] == {"inside": [], "waiting": []}


async def test_a_change_is_asked_now_and_then(rig, admin):
    payload = {"version_id": await version(admin), "application_ids": [await application(admin)], "environment_id": await environment(admin)}
    id = (await created(admin, "changes", {"title": "t", "type": "deployment", "payload": payload}))["id"]
    drafted = await position(admin)
    await admin.post(f"{V1}/changes/{id}/cancel", json={})
    found = [(await ask(admin, CHANGE, id=id, **asked))["data"]["change"] for asked in ({"at": str(drafted)}, {})]
    assert [row["status"] for row in found] == ["draft", "cancelled"]


async def test_a_wrong_instant_has_the_codes_of_rest(rig, admin):
    env = await environment(admin)
    assert await code_of(admin, ENVIRONMENT, id=env, at="yesterday") == "INVALID_REQUEST"
    assert await code_of(admin, ENVIRONMENT, id=env, at="999999999") == "INVALID_REQUEST"
    assert await code_of(admin, ENVIRONMENT, id=env, at="1") == "RESOURCE_NOT_FOUND"
    assert await code_of(admin, ENVIRONMENT, id="env_\u0000", at="1") == "RESOURCE_NOT_FOUND"
