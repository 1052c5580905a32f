"""Deployments, their tasks and workflows are answered as S1, S2 and S4 print them."""

import json

import pytest

from tests.api.printed_bodies import request, response, same
from tests.api.story import V1, application, deployment, detail, environment, task_of, version

SOURCES = ("s1", "s2")


@pytest.mark.parametrize("source", SOURCES)
async def test_deployments_are_printed_as_in_the_documents(admin, rig, source):
    apps = [await application(admin, "user-service"), await application(admin, "order-service")]
    asked = request(f"{source}_post_deployments") | {
        "version_id": await version(admin), "application_ids": apps, "environment_id": await environment(admin)}
    made = await admin.post(f"{V1}/deployments", json=asked)
    assert made.status_code == 201
    same(f"{source}_post_deployments", made.json())
    id = made.json()["id"]
    assert made.json()["application_ids"] == apps
    same(f"{source}_get_deployments", (await admin.get(f"{V1}/deployments?status=running&environment_id={asked['environment_id']}")).json())
    for type in ("deploy", "health_check"):
        for task in [t["id"] for t in (await detail(admin, id))["tasks"] if t["type"] == type]:
            await rig.finish(task)
    done = await detail(admin, id)
    same(f"{source}_get_deployments_id", done)
    assert (done["status"], done["phase"], done["error_message"], done["progress"]) == ("success", "success", "", 100)


@pytest.mark.parametrize("source", SOURCES)
async def test_a_cancelled_deployment_is_answered_in_the_printed_words(admin, source):
    id = (await deployment(admin))["id"]
    answer = await admin.post(f"{V1}/deployments/{id}/cancel", json=request(f"{source}_post_deployments_id_cancel"))
    assert answer.status_code == 200
    assert answer.json() == {"id": id, "status": "failed", "error_message": "Deployment cancelled by user", "phase": "cancelled"}
    same(f"{source}_post_deployments_id_cancel", answer.json())
    again = await admin.post(f"{V1}/deployments/{id}/cancel", json={})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "RESOURCE_CONFLICT")


@pytest.mark.parametrize("source", SOURCES)
async def test_a_rollback_is_a_new_deployment_of_the_version_it_names(admin, rig, source):
    environment_id, apps = await environment(admin), [await application(admin)]
    first, second = await version(admin, "v1.0.0"), await version(admin, "v1.1.0")
    for one in (first, second):
        id = (await deployment(admin, version_id=one, environment_id=environment_id, application_ids=apps))["id"]
        for type in ("deploy", "health_check"):
            await rig.finish((await task_of(admin, id, type))["id"])
    answer = await admin.post(f"{V1}/deployments/{id}/rollback", json={"target_version_id": first})
    assert answer.status_code == 201, answer.text
    same(f"{source}_post_deployments_id_rollback", answer.json())
    assert (answer.json()["version_id"], answer.json()["rollback_of"]) == (first, id)
    assert answer.json()["id"] != id


@pytest.mark.parametrize("source", SOURCES)
async def test_tasks_are_printed_as_in_the_documents(admin, rig, source):
    app = await application(admin, dockerfile="Dockerfile", build_command="make")
    id = (await deployment(admin, application_ids=[app]))["id"]
    build = await task_of(admin, id, "build")
    await rig.finish(build["id"], error="no rule to make target")
    retried = await admin.post(f"{V1}/tasks/{build['id']}/retry", json=request(f"{source}_post_tasks_id_retry"))
    assert retried.status_code == 200, retried.text
    same(f"{source}_post_tasks_id_retry", retried.json())
    assert (retried.json()["status"], retried.json()["result"], retried.json()["started_at"]) == ("pending", "", None)
    await rig.finish(build["id"], result={"image": "org/app:v1.0.0"}, attempt=2)
    same(f"{source}_get_tasks", (await admin.get(f"{V1}/tasks?deployment_id={id}&status=success&type=build")).json())
    one = (await admin.get(f"{V1}/tasks/{build['id']}")).json()
    same(f"{source}_get_tasks_id", one)
    assert json.loads(one["payload"]) == {"build_config": {"dockerfile": "Dockerfile", "build_command": "make"}}
    assert json.loads(one["result"])["image"] == "org/app:v1.0.0"
    assert (await admin.get(f"/api/tasks/{build['id']}")).json() == one


async def test_the_standard_workflow_is_printed_as_in_the_document(admin):
    app = await application(admin, dockerfile="Dockerfile", context=".", tags=["org/app:v1.0.0", "org/app:latest"], test_command="go test ./...",
                            coverage_threshold=80, replicas=3, max_unavailable=1, endpoint="/health", expected_status=200, timeout=60)
    id = (await deployment(admin, application_ids=[app], auto_start=False))["id"]
    answer = (await admin.get(f"{V1}/deployments/{id}/workflow")).json()
    same("s1_workflow_standard", answer)
    printed = response("s1_workflow_standard")["tasks"]
    assert [task["type"] for task in answer["tasks"]] == [task["type"] for task in printed]
    names = dict(zip((task["id"] for task in answer["tasks"]), (task["id"] for task in printed), strict=True))
    assert [[names[d] for d in task["depends_on"]] for task in answer["tasks"]] == [task["depends_on"] for task in printed]
    for task, expected in zip(answer["tasks"], printed, strict=True):
        assert task["config"] | {"strategy": "rolling-update"} == expected["config"] | {"strategy": "rolling-update"}
    assert (await admin.get(f"/api/workflows/{answer['workflow_id']}")).json() == answer
    assert answer["status"] == "pending"
    assert answer["tasks"][1]["block_by"] == answer["tasks"][0]["id"]


async def test_the_detail_has_what_the_task_flow_document_prints(admin, rig):
    id = (await deployment(admin))["id"]
    deploy, check = (await detail(admin, id))["tasks"]
    log = await rig.logs.open(deploy["id"], 1)
    for line in ("检查版本信息...", "验证配置文件...", "准备完成"):
        log.line(line)
    await rig.logs.close(log)
    await rig.finish(deploy["id"])
    held = await rig.begin(check["id"])
    log = await rig.logs.open(check["id"], held.attempt)
    log.line("构建中...")
    await rig.logs.close(log)
    answer = await detail(admin, id)
    same("s4_get_deployment", answer)
    assert [task["logs"] for task in answer["tasks"]] == [["检查版本信息...", "验证配置文件...", "准备完成"], ["构建中..."]]


async def test_an_edited_workflow_is_answered_in_the_printed_words(admin):
    id = (await deployment(admin, auto_start=False))["id"]
    answer = await admin.put(f"{V1}/deployments/{id}/workflow", json=request("s4_put_workflow"))
    assert (answer.status_code, answer.json()) == (200, response("s4_put_workflow"))
    tasks = (await detail(admin, id))["tasks"]
    assert [(task["name"], task["type"]) for task in tasks] == [("准备部署", "prepare"), ("构建镜像", "build")]
    assert tasks[1]["depends_on"] == [tasks[0]["id"]]
    assert tasks[0]["id"].startswith("task_"), "an id that is a stream of its own, whatever the client called it"
