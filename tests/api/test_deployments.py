"""What people do with deployments and tasks over REST."""

from tests.api.story import V1, application, deployment, detail, environment, task_of, version


async def test_one_that_needs_approval_waits_for_a_persons_word(admin, rig):
    id = (await deployment(admin, manual_approval=True))["id"]
    waiting = await detail(admin, id)
    assert (waiting["status"], waiting["phase"], waiting["require_confirm"]) == ("running", "waiting_confirm", True)
    assert waiting["waiting_for"]["reason"] == "manual_approval"
    listed = [(await admin.get(f"{V1}/deployments?status={word}")).json()["total"] for word in ("running", "waiting_confirm", "pending")]
    assert listed == [1, 1, 0]
    async with rig.client("developer") as developer:
        assert (await developer.post(f"{V1}/deployments/{id}/confirm", json={"decision": "continue"})).status_code == 403
    assert (await admin.post(f"{V1}/deployments/{id}/confirm", json={"decision": "perhaps"})).status_code == 400
    answer = await admin.post(f"{V1}/deployments/{id}/confirm", json={"decision": "continue", "reason": "looks fine"})
    assert (answer.status_code, answer.json()["phase"], answer.json()["decision_reason"]) == (200, "running", "looks fine")
    assert answer.json()["confirmed_by"] == "admin@example.com"


async def test_one_that_does_not_start_by_itself_is_executed(admin):
    id = (await deployment(admin, auto_start=False))["id"]
    assert (await detail(admin, id))["phase"] == "pending"
    answer = await admin.post(f"{V1}/deployments/{id}/execute", json={})
    assert (answer.status_code, answer.json()["phase"]) == (200, "running")
    assert (await admin.post(f"{V1}/deployments/{id}/execute")).status_code == 409


async def test_all_failed_tasks_are_retried(admin, rig):
    app = await application(admin, build_command="make")
    id = (await deployment(admin, application_ids=[app]))["id"]
    build = await task_of(admin, id, "build")
    await rig.finish(build["id"], error="no rule")
    failed = await detail(admin, id)
    assert (failed["phase"], failed["error_message"]) == ("failed", "Build api-service: no rule")
    answer = await admin.post(f"{V1}/deployments/{id}/retry", json={})
    assert (answer.status_code, answer.json()["phase"]) == (200, "running")
    progress = (await admin.get(f"{V1}/deployments/{id}/progress")).json()
    assert {key: progress[key] for key in ("deployment_id", "total_tasks", "completed_tasks", "failed_tasks", "percent")} == {
        "deployment_id": id, "total_tasks": 3, "completed_tasks": 0, "failed_tasks": 0, "percent": 0}


async def test_a_cancelled_task_fails_its_deployment(admin):
    id = (await deployment(admin))["id"]
    task = await task_of(admin, id, "deploy")
    answer = await admin.post(f"/api/tasks/{task['id']}/cancel", json={"reason": "wrong version"})
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert (await detail(admin, id))["phase"] == "failed"


async def test_a_task_is_changed_and_taken_out_while_the_workflow_can_be_edited(admin):
    app = await application(admin, build_command="make", test_command="make test")
    id = (await deployment(admin, application_ids=[app], auto_start=False))["id"]
    build, test, deploy, _ = (await detail(admin, id))["tasks"]
    changed = await admin.put(f"{V1}/tasks/{deploy['id']}", json={"name": "Roll out", "requireConfirm": True})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["name"], changed.json()["require_confirm"], changed.json()["depends_on"]) == ("Roll out", True, [test["id"]])
    gone = await admin.delete(f"{V1}/tasks/{test['id']}")
    assert (gone.status_code, gone.json()) == (200, {"message": "Task deleted successfully"})
    tasks = (await detail(admin, id))["tasks"]
    assert [(task["type"], task["depends_on"]) for task in tasks[:2]] == [("build", []), ("deploy", [build["id"]])]
    await admin.post(f"{V1}/deployments/{id}/execute", json={})
    late = await admin.put(f"{V1}/tasks/{deploy['id']}", json={"name": "Too late"})
    assert (late.status_code, late.json()["error"]["code"]) == (409, "RESOURCE_CONFLICT")


async def test_a_held_task_is_confirmed(admin):
    id = (await deployment(admin, auto_start=False))["id"]
    deploy, check = (await detail(admin, id))["tasks"]
    tasks = [{"id": deploy["id"], "name": "Deploy", "type": "deploy", "order": 2, "requireConfirm": True, "appId": deploy["application_id"]},
             {"id": check["id"], "name": "Check", "type": "health_check", "order": 3, "blockBy": deploy["id"]}]
    workflow = f"{V1}/deployments/{id}/workflow"
    etag = (await admin.get(workflow)).headers["ETag"]
    assert (await admin.put(workflow, json={"tasks": tasks}, headers={"If-Match": etag})).status_code == 200
    assert (await admin.put(workflow, json={"tasks": tasks}, headers={"If-Match": etag})).status_code == 409
    await admin.post(f"{V1}/deployments/{id}/execute", json={})
    assert (await task_of(admin, id, "deploy"))["status"] == "waiting_confirm"
    answer = await admin.post(f"{V1}/tasks/{deploy['id']}/confirm", json={"decision": "continue", "reason": "go"})
    assert (answer.status_code, answer.json()["status"], answer.json()["confirmed_by"]) == (200, "pending", "admin@example.com")


async def test_applications_have_an_order_by_name_or_id(admin):
    one, two = await application(admin, "user-service"), await application(admin, "order-service")
    made = await deployment(admin, application_ids=[one, two], must_in_order=["order-service", one])
    assert made["must_in_order"] == [two, one]


async def test_what_is_in_use_is_not_deleted(admin):
    made = await deployment(admin)
    for path in (f"versions/{made['version_id']}", f"applications/{made['application_ids'][0]}", f"environments/{made['environment_id']}"):
        answer = await admin.delete(f"{V1}/{path}")
        assert (answer.status_code, answer.json()["error"]["details"]["used_by"][0]) == (409, made["id"])


async def test_the_target_is_asked_what_runs_there(admin, rig):
    made = await deployment(admin)
    answer = (await admin.get(f"{V1}/deployments/{made['id']}/target")).json()
    assert (answer["status"], answer["replicas"], answer["ready_replicas"], answer["pods"]) == ("stopped", 1, 0, [])
    assert answer["services"] == [{"host": "memory", "running": False, "status": "no release", "pid": None, "uptime": ""}]
    rig.deployer.places[made["environment_id"]].current = "v1.0.0-1"
    answer = (await admin.get(f"{V1}/deployments/{made['id']}/target")).json()
    assert (answer["status"], answer["ready_replicas"]) == ("running", 1)


async def test_an_environment_is_asked_how_it_is(admin, rig):
    env = await environment(admin)
    answer = await admin.post(f"{V1}/environments/{env}/health-check", json={})
    assert (answer.status_code, answer.json()["healthy"]) == (200, True)
    assert answer.json()["checks"] == [{"name": "memory", "status": "ok", "message": "all there"}]
    rig.deployer.lose_sight()
    await admin.post(f"{V1}/environments/{env}/health-check")
    assert (await admin.get(f"{V1}/environments/{env}")).json()["status"] == "unreachable"


async def test_lists_are_paged_by_number_and_by_cursor(admin):
    tags = [f"v1.0.{n}" for n in range(5)]
    for tag in tags:
        await version(admin, tag)
    first = (await admin.get(f"{V1}/versions?page_size=2")).json()
    assert ([row["git_tag"] for row in first["versions"]], first["total"], first["page"], first["page_size"]) == (["v1.0.4", "v1.0.3"], 5, 1, 2)
    second = (await admin.get(f"{V1}/versions?page_size=2&page=2")).json()
    after = (await admin.get(f"{V1}/versions?page_size=2&after={first['next']}")).json()
    assert second["versions"] == after["versions"]
    last = (await admin.get(f"{V1}/versions?page_size=2&after={after['next']}")).json()
    assert ([row["git_tag"] for row in last["versions"]], last["next"]) == (["v1.0.0"], None)


async def test_the_audit_has_a_row_for_each_fact_and_can_be_asked(admin):
    id = await version(admin)
    rows = (await admin.get(f"{V1}/audit-logs?resource_id={id}")).json()["audit_logs"]
    assert [(row["action"], row["username"]) for row in rows] == [("version.created", "admin@example.com")]
    at = rows[0]["position"]
    assert (await admin.get(f"{V1}/audit-logs?from={at}&to={at}")).json()["total"] == 1
    assert (await admin.get(f"{V1}/audit-logs?from={rows[0]['timestamp']}")).json()["total"] >= 1
    assert (await admin.get(f"{V1}/audit-logs?to=2020-01-01T00:00:00Z")).json()["total"] == 0
    assert (await admin.get(f"{V1}/notifications")).json()["notifications"] == []
