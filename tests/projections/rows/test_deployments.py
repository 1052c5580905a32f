"""Deployments through their phases, and as REST v1 prints them."""

import msgspec
import pytest

from domain.deployment.events import (
    DeploymentCancelled,
    DeploymentConfirmationRequested,
    DeploymentConfirmed,
    DeploymentFailed,
    DeploymentQueued,
    DeploymentRetried,
    DeploymentRollbackFailed,
    DeploymentRollbackStarted,
    DeploymentRolledBack,
    DeploymentSucceeded,
    DeploymentWorkflowChanged,
    TaskFailedInDeployment,
    TaskSucceededInDeployment,
)
from domain.deployment.values import AppSnapshot
from domain.task.events import TaskFailed, TaskReleased, TaskStarted, TaskSucceeded
from domain.user.events import UserCreated
from projections.queries import get_deployment, last_success, list_deployments, unfinished_deployments
from tests.projections.facts import BUILD, JOB, PACKAGE, SOURCE, fact, later, planned, started

ASKED = fact(DeploymentConfirmationRequested, "dep_1", reason="timeout", message="not finished after 1800 s", deadline=later(1800))
FAILED = fact(DeploymentFailed, "dep_1", error="deploy api: exit 1", task_type="deploy", rolls_back=True)


def approval(stream: str = "dep_1"):
    return fact(DeploymentConfirmationRequested, stream, reason="manual_approval", message="a person must agree")


def decided(decision: str, **fields):
    return fact(DeploymentConfirmed, "dep_1", decision=decision, reason="because", **fields)


async def seen(pool, *keys: str):
    found = await get_deployment(pool, "dep_1")
    return tuple(found[key] for key in keys)


async def test_a_deployment_is_printed_as_s1_prints_it_and_with_what_s4_adds(given, pool):
    given(fact(UserCreated, "usr_ann", username="ann", email="user@example.com", roles=()), planned())
    found = await get_deployment(pool, "dep_1")
    tasks = found.pop("tasks")
    assert found == {
        "id": "dep_1", "version_id": "ver_1", "application_ids": ["app_1"], "environment_id": "env_1", "status": "pending",
        "created_by": "user@example.com", "created_at": later(2), "updated_at": later(2), "started_at": None, "completed_at": None,
        "error_message": "", "phase": "pending", "waiting_for": None, "release_id": None, "plan": None,
        "artifacts": [{"application_id": "app_1", "version_id": "ver_1", "digest": None, "name": None, "size": None}], "progress": 0,
        "version": "v1.0.0", "git_commit": "abc123", "repository": SOURCE.repository, "applications": ["api"], "environment_ids": ["env_1"],
        "environments": ["production"], "must_in_order": [], "manual_approval": False, "require_confirm": False, "auto_start": True,
        "auto_rollback": True, "grayscale_enabled": False, "grayscale_ratio": None, "timeout": 1800.0, "deadline": None, "release_number": None,
        "duration": None, "cancel_reason": None, "rollback_of": None, "rollback_id": None, "change_id": None, "decision": None,
        "decision_reason": None, "confirmed_by": None, "confirmed_at": None, "approved_by": None, "approved_at": None,
        "stream_version": 1, "position": 2}
    assert [task["id"] for task in tasks] == ["task_1", "task_2", "task_3"]


async def test_one_that_is_not_to_start_by_itself_waits_to_be_executed(given, pool):
    given(planned(auto_start=False))
    assert await seen(pool, "phase", "waiting_for") == ("pending", {"kind": "execution"})


async def test_one_in_the_way_of_which_others_stand_is_pending_and_says_for_whom_it_waits(given, pool):
    given(planned(), fact(DeploymentQueued, "dep_1", behind=("dep_7", "dep_8")))
    assert await seen(pool, "status", "phase", "waiting_for") == ("pending", "pending", {"kind": "deployment", "ids": ["dep_7", "dep_8"]})


async def test_one_that_was_started_runs_and_waits_for_nothing(given, pool):
    given(planned(), fact(DeploymentQueued, "dep_1", behind=("dep_7",)), started())
    assert await seen(pool, "status", "phase", "waiting_for", "started_at", "deadline", "release_number") == (
        "running", "running", None, later(3), later(1800), 1)


async def test_an_approval_comes_before_the_start_and_leads_to_pending(given, pool):
    given(planned(manual_approval=True), approval())
    waiting = {"kind": "confirmation", "reason": "manual_approval", "message": "a person must agree"}
    assert await seen(pool, "status", "phase", "waiting_for") == ("running", "waiting_confirm", waiting)
    given(decided("continue"))
    assert await seen(pool, "status", "phase", "waiting_for", "confirmed_by", "confirmed_at", "decision", "decision_reason") == (
        "pending", "pending", None, "usr_ann", later(3), "continue", "because")


async def test_a_deadline_that_passed_waits_for_a_person_who_may_give_more_time(given, pool):
    given(planned(), started(), ASKED)
    assert (await seen(pool, "phase", "waiting_for"))[1]["reason"] == "timeout"
    given(decided("continue", deadline=later(3600)))
    assert await seen(pool, "phase", "waiting_for", "deadline") == ("running", None, later(3600))


async def test_a_decision_to_go_back_leaves_it_running_until_it_is_over(given, pool):
    given(planned(), started(), ASKED, decided("rollback"))
    assert await seen(pool, "phase", "waiting_for", "decision", "deadline") == ("running", None, "rollback", later(1800))
    given(FAILED)
    assert await seen(pool, "phase", "error_message") == ("failed", "deploy api: exit 1")


async def test_success_is_the_end(given, pool):
    given(planned(), started(), fact(DeploymentSucceeded, "dep_1"))
    assert await seen(pool, "status", "phase", "completed_at", "duration") == ("success", "success", later(3), 1.0)


async def test_a_cancelled_one_has_failed_for_rest_and_says_so_in_the_words_of_s1(given, pool):
    given(planned(), fact(DeploymentQueued, "dep_1", behind=("dep_7",)), fact(DeploymentCancelled, "dep_1", reason="wrong version"))
    assert await seen(pool, "status", "phase", "error_message", "waiting_for", "cancel_reason", "completed_at") == (
        "failed", "cancelled", "Deployment cancelled by user", None, "wrong version", later(3))


async def test_a_retry_makes_a_failed_one_run_again(given, pool):
    given(planned(), started(), fact(DeploymentFailed, "dep_1", error="build api: exit 2", task_type="build"),
          fact(DeploymentRetried, "dep_1", task_ids=("task_1",), deadline=later(99), release_number=2, released=("task_1",)))
    assert await seen(pool, "phase", "error_message", "completed_at", "release_number", "deadline", "started_at") == (
        "running", "", None, 2, later(99), later(2))


async def test_a_failure_that_is_to_be_undone_waits_for_its_rollback_and_is_rolled_back_when_that_succeeds(given, pool):
    given(planned(), started(), FAILED)
    assert await seen(pool, "phase", "waiting_for") == ("failed", {"kind": "rollback", "ids": []})
    given(fact(DeploymentRollbackStarted, "dep_1", rollback_id="dep_2", automatic=True))
    assert await seen(pool, "phase", "waiting_for", "rollback_id") == ("failed", {"kind": "rollback", "ids": ["dep_2"]}, "dep_2")
    given(fact(DeploymentRolledBack, "dep_1", rollback_id="dep_2"))
    assert await seen(pool, "status", "phase", "waiting_for", "error_message") == ("rolled_back", "rolled_back", None, "deploy api: exit 1")


async def test_a_rollback_that_failed_leaves_it_as_it_was_and_is_told(given, pool):
    given(planned(), started(), fact(DeploymentSucceeded, "dep_1"), fact(DeploymentRollbackStarted, "dep_1", rollback_id="dep_2", automatic=False),
          fact(DeploymentRollbackFailed, "dep_1", rollback_id="dep_2", error="no host"))
    assert await seen(pool, "phase", "error_message", "rollback_id", "waiting_for") == ("success", "the rollback dep_2 failed: no host", None, None)


async def test_a_failure_with_no_way_back_says_both(given, pool):
    given(planned(), started(), FAILED, fact(DeploymentRollbackFailed, "dep_1", rollback_id="", error="nothing ran before"))
    assert await seen(pool, "phase", "error_message") == ("failed", "deploy api: exit 1; the rollback failed: nothing ran before")


async def test_a_retry_after_a_rollback_that_failed_forgets_both(given, pool):
    given(planned(), started(), FAILED, fact(DeploymentRollbackFailed, "dep_1", rollback_id="", error="nothing ran before"),
          fact(DeploymentRetried, "dep_1", task_ids=("task_2",), deadline=later(99), release_number=2, released=("task_2",)))
    assert await seen(pool, "phase", "error_message") == ("running", "")


async def test_what_happens_to_its_tasks_moves_its_version(given, pool):
    given(planned(), started(), fact(TaskFailedInDeployment, "dep_1", task_id="task_1", error="no"),
          fact(DeploymentWorkflowChanged, "dep_1", tasks=(BUILD,)))
    assert await seen(pool, "stream_version", "position", "updated_at") == (4, 4, later(4))


async def test_progress_counts_what_is_done(given, pool):
    given(planned(), started(), fact(TaskReleased, "task_1", attempt=1, job=JOB), fact(TaskSucceeded, "task_1", attempt=1, token=1, result={}))
    assert await seen(pool, "progress") == (33,)


async def test_its_packages_are_those_it_came_with_and_those_it_built(given, pool):
    apps = tuple(AppSnapshot(id=f"app_{n}", name=f"a{n}", repository="r", config={}) for n in (1, 2))
    old = msgspec.structs.replace(PACKAGE, name="old.tar.gz")
    given(planned(applications=apps, artifacts={"app_2": old}), fact(TaskSucceededInDeployment, "dep_1", task_id="task_1", artifact=PACKAGE))
    (packages,) = await seen(pool, "artifacts")
    assert [(each["application_id"], each["name"], each["digest"]) for each in packages] == [
        ("app_1", "api.tar.gz", PACKAGE.digest), ("app_2", "old.tar.gz", PACKAGE.digest)]


async def test_applications_of_different_versions_have_no_common_one(given, pool):
    other = msgspec.structs.replace(SOURCE, version_id="ver_2")
    apps = (AppSnapshot(id="app_1", name="a1", repository="r", config={}, source=SOURCE),
            AppSnapshot(id="app_2", name="a2", repository="r", config={}, source=other))
    given(planned(applications=apps, source=msgspec.structs.replace(SOURCE, version_id="", git_tag="", git_commit="")))
    version, packages = await seen(pool, "version_id", "artifacts")
    assert (version, [each["version_id"] for each in packages]) == (None, ["ver_1", "ver_2"])


def in_every_phase():
    for n in range(1, 8):
        yield planned(f"dep_{n}", tasks=())
    yield started("dep_2", ())
    yield approval("dep_3")
    yield fact(DeploymentSucceeded, "dep_4")
    yield fact(DeploymentFailed, "dep_5", error="no", task_type="deploy")
    yield fact(DeploymentCancelled, "dep_6", reason="")
    yield fact(DeploymentRolledBack, "dep_7", rollback_id="dep_9")


@pytest.mark.parametrize(("status", "expected"), [
    ("pending", ["dep_1"]), ("running", ["dep_3", "dep_2"]), ("waiting_confirm", ["dep_3"]), ("success", ["dep_4"]),
    ("failed", ["dep_6", "dep_5"]), ("cancelled", ["dep_6"]), ("rolled_back", ["dep_7"]), ("nonsense", []),
])
async def test_the_filter_takes_rest_s_words_and_the_phases(given, pool, status, expected):
    given(*in_every_phase())
    rows, total, _ = await list_deployments(pool, status=status)
    assert ([row["id"] for row in rows], total) == (expected, len(expected))
    assert all("tasks" not in row for row in rows)


async def test_deployments_are_filtered_by_environment_and_version(given, pool):
    here = planned("dep_1", tasks=())
    there = msgspec.structs.replace(here.target, environment_id="env_2")
    newer = msgspec.structs.replace(SOURCE, version_id="ver_2")
    given(here, planned("dep_2", tasks=(), target=there), planned("dep_3", tasks=(), target=there, source=newer))
    assert [row["id"] for row in (await list_deployments(pool, environment_id="env_2"))[0]] == ["dep_3", "dep_2"]
    assert [row["id"] for row in (await list_deployments(pool, environment_id="env_2", version_id="ver_1"))[0]] == ["dep_2"]


async def test_the_unfinished_ones_are_those_that_wait_or_run(given, pool):
    given(*in_every_phase())
    assert [row["id"] for row in await unfinished_deployments(pool)] == ["dep_3", "dep_2", "dep_1"]


async def test_the_last_success_is_the_one_that_ended_last_and_was_not_undone(given, pool):
    given(*(planned(f"dep_{n}", tasks=()) for n in (1, 2, 3, 4)), fact(DeploymentSucceeded, "dep_2"), fact(DeploymentSucceeded, "dep_1"),
          fact(DeploymentSucceeded, "dep_3"), fact(DeploymentRolledBack, "dep_3", rollback_id="dep_9"))
    assert (await last_success(pool, "env_1", "app_1"))["id"] == "dep_1"
    assert (await last_success(pool, "env_1", "app_1", other_than=["dep_1"]))["id"] == "dep_2"
    assert await last_success(pool, "env_1", "app_9") is None
    assert await last_success(pool, "env_9", "app_1") is None


async def test_a_failed_task_shows_in_the_detail(given, pool):
    given(planned(), started(), fact(TaskReleased, "task_1", attempt=1, job=JOB),
          fact(TaskStarted, "task_1", attempt=1, token=1, worker="w", deadline=later(9)),
          fact(TaskFailed, "task_1", attempt=1, token=1, error="exit 2"))
    (tasks,) = await seen(pool, "tasks")
    assert [(task["status"], task["error_message"]) for task in tasks] == [("failed", "exit 2"), ("blocked", ""), ("blocked", "")]
