"""What a deployment releases, when it is over, and what its failures mean for the target."""

import pytest

from domain.deployment import decide
from domain.deployment.events import (
    DeploymentCancelled,
    DeploymentConfirmed,
    DeploymentFailed,
    DeploymentSucceeded,
    TaskConfirmedInDeployment,
    TaskFailedInDeployment,
)
from domain.errors import Refused
from domain.task.values import Artifact
from tests.domain.deployments import (
    AS,
    ASKED,
    CHAIN,
    DEADLINE,
    HISTORIES,
    RUNNING,
    STOPPED,
    TIMED_OUT,
    cancelled,
    created,
    failed,
    over,
    started,
    succeeded,
    task,
)
from tests.support.given import fact, given

SECOND = task("task_b", "build", application_id="app_2")
HELD = (task("task_build", "build"), task("task_deploy", "deploy", "task_build", require_confirm=True))
TWO = (task("task_a", "deploy"), task("task_b", "deploy"), task("task_c", "health_check", "task_a"))
PACKAGE = Artifact(digest="sha256:00", name="app.tar.gz", size=1)


def succeed(id, artifact=None):
    return lambda d: decide.task_succeeded(d, id, artifact, **AS)


def fail(id, error="broken"):
    return lambda d: decide.task_failed(d, id, error, **AS)


def test_a_start_releases_what_nothing_stands_before():
    given(created(*CHAIN, SECOND)).when(lambda d: decide.start(d, 7, **AS)).then(started("task_build", "task_b"))


def test_a_start_holds_what_a_person_must_agree_to():
    first = task("task_1", "custom", require_confirm=True)
    d = given(created(first)).when(lambda d: decide.start(d, 7, **AS)).then(started(held=("task_1",)))
    assert d.in_state("held") == ("task_1",)


def test_a_success_releases_what_waited_for_it_alone():
    given(*RUNNING).when(succeed("task_build")).then(succeeded("task_build", "task_test"))


def test_a_success_keeps_the_package_for_the_tasks_of_its_application():
    d = given(*RUNNING).when(succeed("task_build", PACKAGE)).then(succeeded("task_build", "task_test", artifact=PACKAGE))
    assert d.job("task_deploy").artifact == PACKAGE


def test_a_success_holds_what_a_person_must_agree_to():
    given(created(*HELD), started("task_build")).when(succeed("task_build")).then(succeeded("task_build", held=("task_deploy",)))


def test_a_task_with_two_dependencies_waits_for_the_last():
    join = task("task_z", "custom", "task_a", "task_b")
    running = given(created(TWO[0], TWO[1], join), started("task_a", "task_b"))
    d = running.when(succeed("task_a")).then(succeeded("task_a"))
    assert d.states["task_z"] == "blocked"


def test_the_last_success_is_the_deployments():
    given(*HISTORIES["success"][:-2]).when(succeed("task_health")).then(succeeded("task_health"), fact(DeploymentSucceeded, "dep_1"))


def test_a_failed_build_fails_the_deployment_and_touches_nothing():
    given(*RUNNING).when(fail("task_build")).then(failed("task_build"), over("task_build: broken", "build"))


@pytest.mark.parametrize("type", ["deploy", "health_check", "deploy_green", "switch_traffic", "cleanup_blue"])
def test_a_failure_on_the_target_is_rolled_back(type):
    one = given(created(task("task_1", type)), started("task_1"))
    one.when(fail("task_1")).then(failed("task_1"), over("task_1: broken", type, rolls_back=True))


def test_without_automatic_rollback_nothing_is_put_back():
    given(created(TWO[0], auto_rollback=False), started("task_a")).when(fail("task_a")).then(failed("task_a"), over("task_a: broken", "deploy"))


def test_a_rollback_is_not_rolled_back():
    given(created(TWO[0], rollback_of="dep_0"), started("task_a")).when(fail("task_a")).then(failed("task_a"), over("task_a: broken", "deploy"))


def test_after_a_failure_what_runs_comes_to_its_end_and_nothing_more_is_released():
    running = (created(*TWO), started("task_a", "task_b"))
    d = given(*running).when(fail("task_b")).then(failed("task_b"))
    assert (d.phase, d.active) == ("running", ("task_a",))
    after = given(*running, failed("task_b")).when(succeed("task_a"))
    after.then(succeeded("task_a"), over("task_b: broken", "deploy", rolls_back=True))


def test_the_first_failure_is_the_one_that_is_told_and_the_target_decides_the_kind():
    tasks = (task("task_a", "build"), task("task_b", "deploy"))
    both = given(created(*tasks), started("task_a", "task_b"), failed("task_a", "no compiler"))
    both.when(fail("task_b", "no host")).then(failed("task_b", "no host"), over("task_a: no compiler", "deploy", rolls_back=True))


def test_a_task_that_was_stopped_fails_its_deployment():
    deploying = given(created(TWO[0]), started("task_a"))
    deploying.when(lambda d: decide.task_cancelled(d, "task_a", True, "stopped", **AS)).then(
        cancelled("task_a"), over("task_a: stopped", "deploy", rolls_back=True))


def test_a_task_that_was_stopped_before_it_began_leaves_nothing_to_put_back():
    deploying = given(created(TWO[0]), started("task_a"))
    deploying.when(lambda d: decide.task_cancelled(d, "task_a", True, "stopped", began=False, **AS)).then(
        cancelled("task_a", began=False), over("task_a: stopped", "deploy"))


def test_a_cancelled_deployment_waits_for_what_runs_and_then_is_quiet():
    stopping = given(*RUNNING).when(lambda d: decide.cancel(d, "no", **AS)).then(
        fact(DeploymentCancelled, "dep_1", reason="no", stopping=("task_build",)))
    assert not stopping.is_quiet
    assert stopping.in_state("cancelled") == ("task_test", "task_deploy", "task_health")
    quiet = given(*RUNNING, STOPPED).when(lambda d: decide.task_cancelled(d, "task_build", True, "stopped", **AS)).then(cancelled("task_build"))
    assert quiet.is_quiet
    assert quiet.phase == "cancelled"


def test_a_late_success_in_a_cancelled_deployment_releases_nothing():
    given(*RUNNING, STOPPED).when(succeed("task_build")).then(succeeded("task_build"))


# A person is asked


def test_while_a_person_is_asked_nothing_is_released():
    d = given(*RUNNING, TIMED_OUT).when(succeed("task_build")).then(succeeded("task_build"))
    assert d.states["task_test"] == "blocked"


def test_continue_releases_what_came_free_meanwhile_and_gives_more_time():
    asked = given(*RUNNING, TIMED_OUT, succeeded("task_build"))
    d = asked.when(lambda d: decide.confirm(d, "continue", "go", **AS)).then(
        fact(DeploymentConfirmed, "dep_1", decision="continue", reason="go", deadline=DEADLINE, released=("task_test",)))
    assert (d.phase, d.deadline, d.active) == ("running", DEADLINE, ("task_test",))


def test_continue_after_everything_ended_meanwhile_ends_well():
    asked = given(created(TWO[0]), started("task_a"), TIMED_OUT, succeeded("task_a"))
    asked.when(lambda d: decide.confirm(d, "continue", "go", **AS)).then(
        fact(DeploymentConfirmed, "dep_1", decision="continue", reason="go", deadline=DEADLINE), fact(DeploymentSucceeded, "dep_1"))


def test_a_failure_while_a_person_is_asked_ends_it_without_an_answer():
    given(*RUNNING, TIMED_OUT).when(fail("task_build")).then(failed("task_build"), over("task_build: broken", "build"))


def test_continue_after_a_failure_releases_nothing():
    two = (created(*TWO), started("task_a", "task_b"), failed("task_b"), TIMED_OUT)
    given(*two).when(lambda d: decide.confirm(d, "continue", "go", **AS)).then(
        fact(DeploymentConfirmed, "dep_1", decision="continue", reason="go", deadline=DEADLINE))


def test_rollback_by_decision_puts_back_what_was_touched():
    deployed = given(*HISTORIES["success"][:-2], TIMED_OUT, succeeded("task_health"))
    deployed.when(lambda d: decide.confirm(d, "rollback", "slow", **AS)).then(
        fact(DeploymentConfirmed, "dep_1", decision="rollback", reason="slow"),
        over("rolled back by decision: slow", "", rolls_back=True))


def test_rollback_by_decision_before_the_target_was_touched_only_fails():
    built = given(*RUNNING, TIMED_OUT, succeeded("task_build"))
    built.when(lambda d: decide.confirm(d, "rollback", "slow", **AS)).then(
        fact(DeploymentConfirmed, "dep_1", decision="rollback", reason="slow"), over("rolled back by decision: slow", ""))


def test_rollback_by_decision_waits_for_what_runs():
    d = given(*RUNNING, TIMED_OUT).when(lambda d: decide.confirm(d, "rollback", "slow", **AS)).then(
        fact(DeploymentConfirmed, "dep_1", decision="rollback", reason="slow"))
    assert (d.phase, d.failing) == ("running", "rolled back by decision: slow")


def test_an_approval_that_is_declined_leaves_it():
    given(created(), ASKED).when(lambda d: decide.confirm(d, "rollback", "not today", **AS)).then(
        fact(DeploymentConfirmed, "dep_1", decision="rollback", reason="not today"),
        fact(DeploymentCancelled, "dep_1", reason="Declined: not today"))


# A held task

WAITING = (created(*HELD), started("task_build"), succeeded("task_build", held=("task_deploy",)))


def confirm(decision, id="task_deploy"):
    return lambda d: decide.confirm_task(d, id, decision, "because", **AS)


def decided(decision, *released, id="task_deploy"):
    return fact(TaskConfirmedInDeployment, "dep_1", task_id=id, decision=decision, reason="because", released=released)


def test_a_held_task_runs_when_a_person_agrees():
    given(*WAITING).when(confirm("continue")).then(decided("continue", "task_deploy"))


def test_a_refused_task_fails_the_deployment_but_has_touched_nothing():
    given(*WAITING).when(confirm("rollback")).then(decided("rollback"), over("task_deploy: refused: because", "deploy"))


def test_a_refusal_after_the_target_was_touched_goes_back_whatever_the_refused_task_is():
    tasks = (task("task_deploy", "deploy"), task("task_tell", "custom", "task_deploy", require_confirm=True))
    deployed = given(created(*tasks), started("task_deploy"), succeeded("task_deploy", held=("task_tell",)))
    deployed.when(confirm("rollback", "task_tell")).then(
        decided("rollback", id="task_tell"), over("task_tell: refused: because", "custom", rolls_back=True))


def test_what_was_touched_stays_touched_whatever_comes_after():
    later = (task("task_note", "custom", "task_deploy"), task("task_bad", "custom", "task_deploy"))
    tasks = (task("task_deploy", "deploy"), *later, task("task_tell", "custom", "task_note", require_confirm=True))
    facts = (created(*tasks), started("task_deploy"), succeeded("task_deploy", "task_note", "task_bad"),
             succeeded("task_note", held=("task_tell",)), decided("rollback", id="task_tell"))
    given(*facts).when(fail("task_bad")).then(failed("task_bad"), over("task_tell: refused: because", "custom", rolls_back=True))


@pytest.mark.parametrize(("why", "words"), [((TIMED_OUT,), "dep_1: it waits for a decision itself"), ((failed("task_b"),), "dep_1: task_b: broken")])
def test_a_held_task_is_not_let_go_where_nothing_more_runs(why, words):
    tasks = (task("task_a", "deploy"), task("task_b", "build"), task("task_h", "custom", require_confirm=True))
    held = given(created(*tasks), started("task_a", "task_b", held=("task_h",)), *why)
    held.when(confirm("continue", "task_h")).refuses(Refused, f"nothing more runs in {words}")
    held.when(confirm("rollback", "task_h")).facts(TaskConfirmedInDeployment)


@pytest.mark.parametrize("state", HISTORIES)
def test_only_a_held_task_is_decided_about(state):
    given(*HISTORIES[state]).when(confirm("continue")).refuses(Refused, "does not wait")


def test_a_deployment_with_a_held_task_is_not_over():
    tasks = (task("task_a", "build"), task("task_h", "custom", require_confirm=True))
    d = given(created(*tasks), started("task_a", held=("task_h",))).when(succeed("task_a")).then(succeeded("task_a"))
    assert d.phase == "running"


# A task that a person gives up


def give_up(id="task_a"):
    return lambda d: decide.give_up_task(d, id, "because", **AS)


def test_what_was_given_up_goes_back_however_it_ends():
    running = (created(TWO[0]), started("task_a"))
    d = given(*running).when(give_up()).then(decided("rollback", id="task_a"))
    assert d.active == ("task_a",)
    told = "task_a: given up by decision: because"
    gone = given(*running, decided("rollback", id="task_a"))
    gone.when(succeed("task_a")).then(succeeded("task_a"), over(told, "", rolls_back=True))
    gone.when(fail("task_a")).then(failed("task_a"), over(told, "deploy", rolls_back=True))


def test_giving_up_a_task_that_does_not_run_changes_nothing():
    given(*HISTORIES["success"]).when(give_up("task_deploy")).then()


# The way back


def test_what_cannot_be_put_back_says_so_and_waits_for_nobody():
    d = given(*HISTORIES["to be rolled back"]).when(lambda d: decide.no_way_back(d, "nothing before it", **AS)).after()
    assert (d.phase, d.rolls_back, d.rollback_id) == ("failed", False, "")


def test_after_a_rollback_that_failed_another_may_be_tried():
    broken = given(*HISTORIES["success, being rolled back"]).when(lambda d: decide.rollback_failed(d, "dep_2", "broke", **AS)).after()
    assert broken.rollback_id == ""
    assert decide.start_rollback(broken, "dep_3", automatic=False, **AS)[0].rollback_id == "dep_3"


def test_the_failure_names_its_cause_and_type():
    [_, end] = given(*RUNNING).when(fail("task_build", "exit code 2")).events
    assert isinstance(end, DeploymentFailed)
    assert (end.error, end.task_type) == ("task_build: exit code 2", "build")


def test_a_task_may_fail_without_a_word():
    given(*RUNNING).when(fail("task_build", "")).facts(TaskFailedInDeployment, DeploymentFailed)
