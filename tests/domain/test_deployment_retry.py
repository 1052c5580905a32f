"""Retrying a deployment: what runs again, what stays, and under which release."""

import msgspec
import pytest

from domain.deployment import decide
from domain.deployment.events import DeploymentFailed, DeploymentRetried, DeploymentSucceeded
from domain.errors import Refused
from tests.domain.deployments import (
    AS,
    DEADLINE,
    HISTORIES,
    RUNNING,
    SOURCE,
    TARGET,
    TIMED_OUT,
    app,
    cancelled,
    created,
    failed,
    over,
    started,
    succeeded,
    task,
)
from tests.support.given import fact, given

A, B = task("task_a", "build"), task("task_b", "build")
AFTER_A, AFTER_B = task("task_a2", "custom", "task_a"), task("task_b2", "custom", "task_b")
BOTH_FAILED = (created(A, B), started("task_a", "task_b"), failed("task_a"), failed("task_b"), over("task_a: broken", "build"))


def retry(*tasks, number=8):
    return lambda d: decide.retry(d, tasks, number, **AS)


def retried(*again, released=(), held=()):
    return fact(DeploymentRetried, "dep_1", task_ids=again, deadline=DEADLINE, release_number=8, released=released, held=held)


def test_a_retry_runs_the_failed_task_and_gives_new_time():
    d = given(*HISTORIES["failed"]).when(retry()).then(retried("task_build", released=("task_build",)))
    assert (d.phase, d.failing, d.failed_type, d.release_number, d.deadline) == ("running", "", "", 8, DEADLINE)


def test_a_retry_runs_a_cancelled_task_again():
    stopped = given(*RUNNING, cancelled("task_build"), over("task_build: stopped", "build"))
    stopped.when(retry()).then(retried("task_build", released=("task_build",)))


def test_what_succeeded_stays():
    late = given(created(A, B), started("task_a", "task_b"), succeeded("task_a"), failed("task_b"), over("task_b: broken", "build"))
    d = late.when(retry()).then(retried("task_b", released=("task_b",)))
    assert d.states["task_a"] == "success"


def test_what_came_free_after_the_failure_runs_at_once():
    mixed = given(created(A, B, AFTER_B), started("task_a", "task_b"), failed("task_a"), succeeded("task_b"), over("task_a: broken", "build"))
    mixed.when(retry()).then(retried("task_a", released=("task_a", "task_b2")))


def test_a_task_that_needs_a_word_is_held_again():
    held = task("task_h", "custom", require_confirm=True)
    refused = given(created(held), started(held=("task_h",)), failed("task_h"), over("task_h: broken", "custom"))
    refused.when(retry()).then(retried("task_h", held=("task_h",)))


def test_one_of_two_failed_tasks_may_be_retried_and_the_deployment_fails_in_the_end_for_the_other():
    d = given(*BOTH_FAILED).when(retry("task_a")).then(retried("task_a", released=("task_a",)))
    assert d.states["task_b"] == "failed"
    again = given(*BOTH_FAILED, retried("task_a", released=("task_a",)))
    again.when(lambda d: decide.task_succeeded(d, "task_a", None, **AS)).then(
        succeeded("task_a"), over("task_b had failed and was not run again", "build"))


def test_the_other_may_be_retried_after_that():
    one = (*BOTH_FAILED, retried("task_a", released=("task_a",)), succeeded("task_a"), over("task_b had failed and was not run again", "build"))
    assert given(*one).when(retry()).facts(DeploymentRetried).active == ("task_b",)


def test_what_was_left_by_decision_with_everything_done_ends_well():
    done = given(created(A), started("task_a"), TIMED_OUT, succeeded("task_a"))
    left = done.when(lambda d: decide.confirm(d, "rollback", "no", **AS))
    assert left.after().phase == "failed"
    again = given(*done.events, *left.events)
    again.when(retry()).facts(DeploymentRetried, DeploymentSucceeded)


@pytest.mark.parametrize("tasks", [("task_test",), ("task_x",), ("task_build", "task_x")])
def test_only_failed_tasks_are_retried(tasks):
    given(*HISTORIES["failed"]).when(retry(*tasks)).refuses(Refused, "has not failed")


def test_a_second_failure_is_told_anew():
    again = given(*HISTORIES["failed"], retried("task_build", released=("task_build",)))
    d = again.when(lambda d: decide.task_failed(d, "task_build", "again", **AS)).facts(type(failed("task_build")), DeploymentFailed)
    assert d.failing == "task_build: again"


# Releases and jobs

TWO_APPS = (
    task("task_da", "deploy"), task("task_ha", "health_check", "task_da"),
    task("task_db", "deploy", application_id="app_2"), task("task_hb", "health_check", "task_db", application_id="app_2"),
)


def test_after_a_retry_each_check_looks_at_the_release_that_was_installed():
    first = (created(*TWO_APPS), started("task_da", "task_db"), succeeded("task_da", "task_ha"), failed("task_db"), failed("task_ha"))
    d = given(*first, over("task_db: broken", "deploy"), retried("task_db", "task_ha", released=("task_ha", "task_db"))).state
    assert {id: d.job(id).release for id in ("task_da", "task_ha", "task_db", "task_hb")} == {
        "task_da": "v1.0.0-7", "task_ha": "v1.0.0-7", "task_db": "v1.0.0-8", "task_hb": "v1.0.0-8"}


@pytest.mark.parametrize(("timeout", "seconds"), [(None, 1800.0), (90, 90.0), ("90", 90.0), (0, 1800.0), ("0", 1800.0)])
def test_the_environments_timeout_is_that_of_what_touches_it(timeout, seconds):
    config = {} if timeout is None else {"timeout": timeout}
    d = given(created(target=msgspec.structs.replace(TARGET, config=config))).state
    assert d.job("task_deploy").timeout == seconds
    assert d.job("task_build").timeout == 1800.0


def test_a_job_says_all_that_is_needed():
    own = app(source=msgspec.structs.replace(SOURCE, version_id="ver_0", git_tag="v0.9.0"), config={"port": 80})
    job = given(created(applications=(own,)), started("task_build")).state.job("task_deploy")
    assert (job.deployment_id, job.type, job.application_config) == ("dep_1", "deploy", {"port": 80})
    assert (job.source.version_id, job.release, job.target) == ("ver_0", "v0.9.0-7", TARGET)


def test_a_version_without_a_tag_is_released_under_its_commit():
    untagged = msgspec.structs.replace(SOURCE, git_tag="")
    assert given(created(source=untagged), started("task_build")).state.job("task_deploy").release == "c0ffee-7"
