"""Why: the way back from a fact to its first cause, over HTTP."""

import pytest

from tests.api.story import V1, application, deployment, task_of


async def test_a_healthy_service_leads_back_to_who_deployed_it(rig, admin):
    app = await application(admin, build_command="make")
    id = (await deployment(admin, application_ids=[app]))["id"]
    for type in ("build", "deploy", "health_check"):
        await rig.finish((await task_of(admin, id, type))["id"])
    [fact] = (await admin.get(f"{V1}/audit-logs", params={"action": "deployment.succeeded"})).json()["audit_logs"]
    answer = await admin.get(f"{V1}/audit-logs/{fact['position']}/causes")
    assert answer.status_code == 200
    body = answer.json()
    steps = body["causes"]
    assert (body["position"], body["complete"]) == (fact["position"], True)
    assert [step["action"] for step in steps] == [
        "deployment.succeeded", "task.started", "task.succeeded", "task.started", "task.succeeded", "task.started", "deployment.created"]
    assert [step["causation_id"] for step in steps] == [step["command_id"] for step in steps[1:]] + [None]
    assert {step["correlation_id"] for step in steps} == {steps[-1]["command_id"]}
    assert (steps[-1]["username"], steps[-1]["source_ip"], steps[-1]["resource_id"]) == ("admin@example.com", "127.0.0.1", id)
    assert steps[0]["timestamp"] == fact["timestamp"]
    stored = [row["action"] for row in steps[0]["facts"]]
    assert (stored[0], "deployment.succeeded" in stored, "lane.left" in stored) == ("task.succeeded", True, True)
    positions = [row["position"] for step in steps for row in step["facts"]]
    assert len(set(positions)) == len(positions)


async def test_what_a_person_did_is_its_own_first_cause(admin):
    await application(admin)
    row = (await admin.get(f"{V1}/audit-logs", params={"action": "application.created"})).json()["audit_logs"][0]
    body = (await admin.get(f"{V1}/audit-logs/{row['position']}/causes")).json()
    assert ([step["position"] for step in body["causes"]], body["complete"]) == ([row["position"]], True)


@pytest.mark.parametrize(("position", "status"), [("99999", 404), ("0", 400), ("x", 400), ("9" * 30, 400)])
async def test_what_is_no_position_is_refused(admin, position, status):
    assert (await admin.get(f"{V1}/audit-logs/{position}/causes")).status_code == status


async def test_who_may_not_read_the_audit_may_not_ask_why(rig):
    async with rig.client("viewer") as viewer:
        assert (await viewer.get(f"{V1}/audit-logs/1/causes")).status_code == 403
