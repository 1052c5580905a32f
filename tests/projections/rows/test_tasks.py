"""Tasks through their states (contract §4.1)."""

import json

import msgspec
import pytest

from domain.deployment.events import (
    DeploymentCancelled,
    DeploymentConfirmed,
    DeploymentRetried,
    DeploymentRolledBack,
    DeploymentWorkflowChanged,
    TaskConfirmedInDeployment,
    TaskSucceededInDeployment,
)
from domain.task.events import (
    TaskCancelled,
    TaskCancelRequested,
    TaskConfirmed,
    TaskFailed,
    TaskOutcomeRejected,
    TaskOutcomeUnknown,
    TaskReleased,
    TaskStarted,
    TaskSucceeded,
    TaskTakenOver,
    TaskTimedOut,
)
from domain.user.events import UserCreated
from projections.queries import get_task, list_tasks, tasks_of
from tests.projections.facts import BUILD, CHECK, DEPLOY, JOB, PACKAGE, fact, later, planned, started


def released(task: str = "task_1", attempt: int = 1):
    return fact(TaskReleased, task, attempt=attempt, job=JOB)


def begun(task: str = "task_1", attempt: int = 1):
    return fact(TaskStarted, task, attempt=attempt, token=attempt, worker="w1", deadline=later(600))


def ended(task: str = "task_1", released: tuple[str, ...] = ("task_2",), **fields):
    """A task that succeeded: its own fact, and the deployment's."""
    return (fact(TaskSucceeded, task, attempt=1, token=1, result={"seconds": 3}),
            fact(TaskSucceededInDeployment, "dep_1", task_id=task, released=released, **fields))


RUNNING = (planned(), started(), released(), begun())


async def statuses(pool) -> dict[str, str]:
    return {task["id"]: task["status"] for task in await tasks_of(pool, "dep_1")}


async def test_at_the_plan_a_task_without_dependencies_is_pending_and_the_others_are_blocked(given, pool):
    given(planned())
    assert await statuses(pool) == {"task_1": "pending", "task_2": "blocked", "task_3": "blocked"}


async def test_a_task_is_printed_with_the_fields_of_s1_and_s4(given, pool):
    given(planned(tasks=(msgspec.structs.replace(BUILD, config={"dockerfile": "Dockerfile", "git_token": {"secret": "sec_1"}}), DEPLOY, CHECK)))
    assert await get_task(pool, "task_1") == {
        "id": "task_1", "deployment_id": "dep_1", "application_id": "app_1", "app_id": "app_1", "type": "build", "name": "build api",
        "status": "pending", "depends_on": [], "block_by": "",
        "payload": '{"build_config": {"dockerfile": "Dockerfile", "git_token": "********"}}', "result": "",
        "waiting_for": None, "attempt": 0, "outcome": None, "message": "", "error_message": "", "require_confirm": False, "confirmed_by": None,
        "confirmed_at": None, "worker": "", "deadline": None, "duration": None, "created_at": later(1), "updated_at": later(1),
        "started_at": None, "completed_at": None, "stream_version": 0, "position": 1}


async def test_a_task_runs_from_its_start_and_names_who_holds_it(given, pool):
    given(*RUNNING)
    found = await get_task(pool, "task_1")
    assert (found["status"], found["attempt"], found["worker"], found["started_at"], found["deadline"]) == ("running", 1, "w1", later(4), later(600))
    given(fact(TaskTakenOver, "task_1", attempt=1, token=2, worker="w2"))
    assert (await get_task(pool, "task_1"))["worker"] == "w2"


async def test_a_build_s_result_names_its_package_and_what_waited_for_it_is_pending(given, pool):
    given(*RUNNING, *ended(artifact=PACKAGE))
    found = await get_task(pool, "task_1")
    assert (found["status"], found["completed_at"], found["duration"]) == ("success", later(5), 1.0)
    assert json.loads(found["result"]) == {"artifact_url": f"artifact:{PACKAGE.digest}", "image": "", "seconds": 3}
    assert await statuses(pool) == {"task_1": "success", "task_2": "pending", "task_3": "blocked"}


async def test_the_result_of_another_task_is_what_it_reported(given, pool):
    given(planned(), released("task_2"), begun("task_2"), fact(TaskSucceeded, "task_2", attempt=1, token=1, result={"hosts": ["h1"], "名": "值"}))
    assert (await get_task(pool, "task_2"))["result"] == '{"hosts": ["h1"], "名": "值"}'


async def test_a_failed_task_says_why(given, pool):
    given(*RUNNING, fact(TaskFailed, "task_1", attempt=1, token=1, error="exit 2", result={"exit_code": 2}))
    found = await get_task(pool, "task_1")
    assert (found["status"], found["error_message"], found["completed_at"]) == ("failed", "exit 2", later(5))
    assert json.loads(found["result"])["exit_code"] == 2


async def test_a_held_task_waits_for_a_person_and_then_for_a_worker(given, pool):
    given(fact(UserCreated, "usr_bob", username="bob", email="bob@example.com", roles=()),
          planned(), *ended(released=(), held=("task_2",)))
    found = await get_task(pool, "task_2")
    assert (found["status"], found["waiting_for"]) == ("waiting_confirm", {"kind": "confirmation", "reason": "require_confirm"})
    given(fact(TaskConfirmedInDeployment, "dep_1", by="usr_bob", task_id="task_2", decision="continue", reason="ok", released=("task_2",)))
    found = await get_task(pool, "task_2")
    assert (found["status"], found["waiting_for"], found["confirmed_by"], found["confirmed_at"]) == ("pending", None, "bob@example.com", later(5))


async def test_a_held_task_that_is_refused_has_failed(given, pool):
    given(planned(), *ended(released=(), held=("task_2",)),
          fact(TaskConfirmedInDeployment, "dep_1", task_id="task_2", decision="rollback", reason="too late"))
    found = await get_task(pool, "task_2")
    assert (found["status"], found["waiting_for"], found["error_message"]) == ("failed", None, "refused: too late")


async def test_a_lost_target_leaves_the_task_running_with_an_unknown_outcome_until_it_is_seen(given, pool):
    given(*RUNNING, fact(TaskOutcomeUnknown, "task_1", attempt=1, token=1, reason="no route to host"))
    found = await get_task(pool, "task_1")
    assert (found["status"], found["outcome"], found["message"]) == ("running", "unknown", "no route to host")
    given(*ended())
    found = await get_task(pool, "task_1")
    assert (found["status"], found["outcome"], found["message"]) == ("success", None, "")


async def test_an_outcome_that_came_too_late_changes_the_version_only(given, pool):
    given(*RUNNING, *ended(), fact(TaskOutcomeRejected, "task_1", attempt=1, token=0, outcome="failed", error="late"))
    found = await get_task(pool, "task_1")
    assert (found["status"], found["error_message"], found["stream_version"]) == ("success", "", 4)


async def test_a_deadline_that_passed_asks_a_person_who_may_give_more_time(given, pool):
    given(*RUNNING, fact(TaskTimedOut, "task_1", attempt=1, deadline=later(600)))
    found = await get_task(pool, "task_1")
    assert (found["status"], found["waiting_for"]) == ("waiting_confirm", {"kind": "confirmation", "reason": "timeout"})
    given(fact(TaskConfirmed, "task_1", attempt=1, decision="continue", reason="slow mirror", deadline=later(900)))
    found = await get_task(pool, "task_1")
    assert (found["status"], found["waiting_for"], found["deadline"], found["confirmed_by"]) == ("running", None, later(900), "usr_ann")


async def test_a_deadline_that_passed_may_also_be_the_end(given, pool):
    given(*RUNNING, fact(TaskTimedOut, "task_1", attempt=1, deadline=later(600)),
          fact(TaskConfirmed, "task_1", attempt=1, decision="rollback", reason="enough"),
          fact(TaskFailed, "task_1", attempt=1, token=1, error="given up by decision: enough"))
    found = await get_task(pool, "task_1")
    assert (found["status"], found["error_message"], found["confirmed_at"]) == ("failed", "given up by decision: enough", later(6))


async def test_a_cancelled_deployment_takes_what_waits_with_it_and_what_runs_ends_by_itself(given, pool):
    given(*RUNNING, fact(DeploymentCancelled, "dep_1", reason="", stopping=("task_1",)),
          fact(TaskCancelRequested, "task_1", attempt=1, reason="stop"))
    assert await statuses(pool) == {"task_1": "running", "task_2": "cancelled", "task_3": "cancelled"}
    assert (await get_task(pool, "task_1"))["waiting_for"] == {"kind": "cancellation"}
    given(fact(TaskCancelled, "task_1", attempt=1, token=1, stopped=True, message="stopped"))
    found = await get_task(pool, "task_1")
    assert (found["status"], found["outcome"], found["message"], found["waiting_for"], found["completed_at"]) == (
        "cancelled", None, "stopped", None, later(7))


async def test_a_task_that_could_not_be_stopped_says_so(given, pool):
    given(*RUNNING, fact(TaskCancelled, "task_1", attempt=1, token=1, stopped=False, message="it may still run"))
    found = await get_task(pool, "task_1")
    assert (found["status"], found["outcome"], found["message"]) == ("cancelled", "unknown", "it may still run")


async def test_a_task_that_timed_out_is_not_cancelled_before_it_was_stopped(given, pool):
    given(*RUNNING, fact(TaskTimedOut, "task_1", attempt=1, deadline=later(600)),
          fact(DeploymentCancelled, "dep_1", reason="", stopping=("task_1",)))
    assert await statuses(pool) == {"task_1": "waiting_confirm", "task_2": "cancelled", "task_3": "cancelled"}


async def test_a_retry_is_a_new_attempt_without_the_traces_of_the_old_one(given, pool):
    given(*RUNNING, fact(TaskFailed, "task_1", attempt=1, token=1, error="exit 2", result={"exit_code": 2}),
          fact(DeploymentRetried, "dep_1", task_ids=("task_1", "task_2"), deadline=later(999), release_number=2, released=("task_1",)),
          released(attempt=2))
    found = await get_task(pool, "task_1")
    fresh = {"status": "pending", "attempt": 2, "result": "", "error_message": "", "started_at": None, "completed_at": None, "worker": "",
             "deadline": None}
    assert {key: found[key] for key in fresh} == fresh
    assert await statuses(pool) == {"task_1": "pending", "task_2": "blocked", "task_3": "blocked"}


async def test_a_confirmed_deployment_releases_and_holds(given, pool):
    given(planned(), fact(DeploymentConfirmed, "dep_1", decision="continue", reason="", deadline=later(99), released=("task_2",), held=("task_3",)))
    assert await statuses(pool) == {"task_1": "pending", "task_2": "pending", "task_3": "waiting_confirm"}


async def test_what_had_succeeded_in_a_deployment_that_was_rolled_back_is_rolled_back(given, pool):
    given(*RUNNING, *ended(), fact(TaskFailed, "task_2", attempt=1, token=1, error="no"), fact(DeploymentRolledBack, "dep_1", rollback_id="dep_2"))
    assert await statuses(pool) == {"task_1": "rolled_back", "task_2": "failed", "task_3": "blocked"}


async def test_an_edited_workflow_drops_adds_and_reorders_tasks_and_keeps_what_has_run(given, pool):
    new = msgspec.structs.replace(BUILD, id="task_9", type="custom", name="migrate", depends_on=("task_1",), config={"command": "make migrate"})
    later_deploy = msgspec.structs.replace(DEPLOY, depends_on=("task_9", "task_1"))
    given(*RUNNING, *ended(), fact(DeploymentWorkflowChanged, "dep_1", tasks=(new, BUILD, later_deploy)))
    found = await tasks_of(pool, "dep_1")
    assert [(task["id"], task["status"], task["block_by"]) for task in found] == [
        ("task_9", "blocked", "task_1"), ("task_1", "success", ""), ("task_2", "blocked", "task_9,task_1")]
    assert found[0]["payload"] == '{"custom_config": {"command": "make migrate"}}'
    assert await get_task(pool, "task_3") is None


async def test_an_edited_workflow_leaves_what_is_released_or_held_as_it_is(given, pool):
    held = msgspec.structs.replace(CHECK, depends_on=("task_1",))
    given(planned(tasks=(BUILD, DEPLOY, held)), *ended(held=("task_3",)), released("task_2"),
          fact(DeploymentWorkflowChanged, "dep_1", tasks=(BUILD, DEPLOY, held)))
    assert await statuses(pool) == {"task_1": "success", "task_2": "pending", "task_3": "waiting_confirm"}


async def test_an_edited_workflow_blocks_and_frees_what_has_not_been_released(given, pool):
    first, last = msgspec.structs.replace(DEPLOY, depends_on=()), msgspec.structs.replace(BUILD, depends_on=("task_2",))
    given(planned(tasks=(BUILD, DEPLOY)), fact(DeploymentWorkflowChanged, "dep_1", tasks=(first, last)))
    assert await statuses(pool) == {"task_2": "pending", "task_1": "blocked"}


@pytest.mark.parametrize(("filters", "expected"), [
    ({"deployment_id": "dep_1"}, ["task_1", "task_2", "task_3"]),
    ({"status": "pending"}, ["task_4", "task_1"]),
    ({"type": "build"}, ["task_4", "task_1"]),
    ({"type": "build", "deployment_id": "dep_2"}, ["task_4"]),
    ({}, ["task_4", "task_1", "task_2", "task_3"]),
])
async def test_tasks_are_filtered_and_listed_newest_deployment_first_in_the_workflow_s_order(given, pool, filters, expected):
    given(planned(), planned("dep_2", tasks=(msgspec.structs.replace(BUILD, id="task_4"),)))
    rows, total, following = await list_tasks(pool, **filters)
    assert ([row["id"] for row in rows], total, following) == (expected, len(expected), None)
