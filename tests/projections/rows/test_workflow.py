"""A deployment seen as a workflow, how far it is, and who needs what."""

import msgspec
import pytest

from domain.deployment.events import (
    DeploymentCancelled,
    DeploymentConfirmationRequested,
    DeploymentFailed,
    DeploymentRolledBack,
    DeploymentSucceeded,
)
from domain.deployment.values import AppSnapshot, TaskSpec
from domain.lane.events import LaneEntered, LaneLeft
from domain.task.events import TaskFailed, TaskReleased, TaskStarted, TaskSucceeded
from projections.queries import deployment_progress, deployment_workflow, used_by
from tests.projections.facts import JOB, SOURCE, fact, later, planned, started

STANDARD = (
    ("task_001", "build", (), {"dockerfile": "Dockerfile", "context": ".", "tags": ["org/app:v1.0.0", "org/app:latest"]}),
    ("task_002", "test", ("task_001",), {"test_command": "go test ./...", "coverage_threshold": 80}),
    ("task_003", "deploy", ("task_002",), {"strategy": "rolling-update", "replicas": 3, "max_unavailable": 1}),
    ("task_004", "health_check", ("task_003",), {"endpoint": "/health", "expected_status": 200, "timeout": 60}),
)
SPECS = tuple(TaskSpec(id=id, type=type, name=type, application_id="app_1", depends_on=needs, config=config) for id, type, needs, config in STANDARD)


async def test_the_standard_workflow_is_printed_as_s1_prints_it(given, pool):
    given(planned("dep_123456", tasks=SPECS))
    found = await deployment_workflow(pool, "dep_123456")
    assert (found["workflow_id"], found["deployment_id"], found["status"]) == ("wf_123456", "dep_123456", "pending")
    printed = [{key: task[key] for key in ("id", "type", "depends_on", "config")} for task in found["tasks"]]
    assert printed == [{"id": id, "type": type, "depends_on": list(needs), "config": config} for id, type, needs, config in STANDARD]
    assert [(task["block_by"], task["status"], task["name"], task["application_id"]) for task in found["tasks"][:2]] == [
        ("", "pending", "build", "app_1"), ("task_001", "blocked", "test", "app_1")]


async def test_a_workflow_is_found_by_its_own_id_too_and_an_unknown_one_is_none(given, pool):
    given(planned("dep_123456", tasks=SPECS))
    assert await deployment_workflow(pool, "wf_123456") == await deployment_workflow(pool, "dep_123456")
    assert await deployment_workflow(pool, "wf_9") is None


@pytest.mark.parametrize(("events", "status"), [
    ([started()], "running"),
    ([fact(DeploymentConfirmationRequested, "dep_1", reason="timeout", message="")], "running"),
    ([fact(DeploymentSucceeded, "dep_1")], "success"),
    ([fact(DeploymentFailed, "dep_1", error="no", task_type="")], "failed"),
    ([fact(DeploymentCancelled, "dep_1", reason="")], "cancelled"),
    ([fact(DeploymentSucceeded, "dep_1"), fact(DeploymentRolledBack, "dep_1", rollback_id="dep_2")], "success"),
    ([fact(DeploymentFailed, "dep_1", error="no", task_type=""), fact(DeploymentRolledBack, "dep_1", rollback_id="dep_2")], "failed"),
])
async def test_a_workflow_has_one_of_s2_s_five_statuses(given, pool, events, status):
    given(planned(), *events)
    assert (await deployment_workflow(pool, "dep_1"))["status"] == status


async def test_progress_counts_tasks_and_names_the_one_that_runs(given, pool):
    given(planned(), started(), fact(TaskSucceeded, "task_1", attempt=1, token=1, result={}), fact(TaskReleased, "task_2", attempt=1, job=JOB),
          fact(TaskStarted, "task_2", attempt=1, token=1, worker="w", deadline=later(9)), fact(TaskFailed, "task_3", attempt=1, token=1, error=""))
    found = await deployment_progress(pool, "dep_1")
    assert found.pop("current_task")["id"] == "task_2"
    assert found == {"deployment_id": "dep_1", "status": "running", "total_tasks": 3, "completed_tasks": 1, "failed_tasks": 1, "percent": 33}


async def test_progress_of_one_without_tasks_is_nothing_done(given, pool):
    given(planned(tasks=()))
    assert await deployment_progress(pool, "dep_1") == {
        "deployment_id": "dep_1", "status": "pending", "total_tasks": 0, "completed_tasks": 0, "failed_tasks": 0, "percent": 0, "current_task": None}
    assert await deployment_progress(pool, "dep_9") is None


async def test_an_unfinished_deployment_uses_its_version_environment_and_applications(given, pool):
    given(planned())
    assert [await used_by(pool, id) for id in ("ver_1", "env_1", "app_1", "app_9")] == [["dep_1"], ["dep_1"], ["dep_1"], []]
    given(fact(DeploymentSucceeded, "dep_1"))
    assert await used_by(pool, "ver_1") == []


async def test_a_version_is_used_also_where_the_deployment_has_no_common_one(given, pool):
    apps = tuple(AppSnapshot(id=f"app_{n}", name="a", repository="r", config={}, source=msgspec.structs.replace(SOURCE, version_id=f"ver_{n}"))
                 for n in (1, 2))
    given(planned(applications=apps, source=msgspec.structs.replace(SOURCE, version_id="")))
    assert [await used_by(pool, id) for id in ("ver_1", "ver_2", "ver_3")] == [["dep_1"], ["dep_1"], []]


async def test_a_failed_deployment_that_still_holds_its_lane_uses_them_too(given, pool):
    lane = {"environment_id": "env_1", "deployment_id": "dep_1"}
    given(planned(), fact(LaneEntered, "lane_1", **lane, application_ids=("app_1",), number=1),
          fact(DeploymentFailed, "dep_1", error="", task_type="deploy", rolls_back=True))
    assert await used_by(pool, "env_1") == ["lane_1"]
    given(fact(LaneLeft, "lane_1", **lane))
    assert await used_by(pool, "env_1") == []


async def test_a_secret_in_a_task_s_settings_is_never_printed(given, pool):
    given(planned(tasks=(msgspec.structs.replace(SPECS[0], config={"registry": {"password": {"secret": "sec_1"}}}),)))
    assert (await deployment_workflow(pool, "dep_1"))["tasks"][0]["config"] == {"registry": {"password": "********"}}
