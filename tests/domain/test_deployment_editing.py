"""Editing a workflow: only where nothing of it runs, only into something that can run."""

import msgspec
import pytest

from domain.deployment import decide, editing
from domain.deployment.events import DeploymentConfirmed, DeploymentWorkflowChanged
from domain.errors import Invalid, Refused
from tests.domain.deployments import AS, ASKED, BUILD, CHAIN, DEPLOY, HEALTH, RUNNING, TEST, TIMED_OUT, created, started, succeeded, task
from tests.support.given import fact, given


def edit(*tasks):
    return lambda d: editing.edit(d, tasks, **AS)


def changed(*tasks):
    return fact(DeploymentWorkflowChanged, "dep_1", tasks=tasks)


def test_a_pending_workflow_becomes_another():
    extra = task("task_note", "custom", "task_health")
    d = given(created()).when(edit(*CHAIN, extra)).then(changed(*CHAIN, extra))
    assert d.states["task_note"] == "blocked"


@pytest.mark.parametrize(("tasks", "error", "words"), [
    ((), Invalid, "at least one task"),
    ((BUILD, BUILD), Invalid, "same id"),
    ((task("task_1", "dance"),), Invalid, "no task type 'dance'"),
    ((task("task_1", "custom", application_id="app_9"),), Refused, "app_9 is not an application"),
    ((task("task_1", "custom", "task_9"),), Refused, "task_1 depends on task_9, which does not exist"),
    ((task("task_1", "custom", "task_1"),), Refused, "task_1 waits for itself"),
    ((task("task_1", "custom", "task_2"), task("task_2", "custom", "task_1")), Refused, "wait for each other: task_1 → task_2 → task_1"),
])
def test_what_cannot_run_is_refused(tasks, error, words):
    given(created()).when(edit(*tasks)).refuses(error, words)


def test_a_cycle_is_named_as_a_path():
    cycle = (task("task_1", "custom", "task_3"), task("task_2", "custom", "task_1"), task("task_3", "custom", "task_2"))
    error = given(created()).when(edit(*cycle)).refuses(Refused)
    assert error.details == {"path": ["task_1", "task_3", "task_2", "task_1"]}


LATE = (*RUNNING, succeeded("task_build", "task_test"), TIMED_OUT)


def test_what_has_run_stays_as_it_was():
    given(*LATE).when(edit(BUILD, TEST, task("task_note", "custom", "task_test"))).facts(DeploymentWorkflowChanged)
    given(*LATE).when(edit(TEST, DEPLOY, HEALTH)).refuses(Refused)
    given(*LATE).when(edit(msgspec.structs.replace(BUILD, config={"a": 1}), TEST, DEPLOY)).refuses(Refused, "task_build has run already")
    given(*LATE).when(edit(BUILD, msgspec.structs.replace(TEST, name="other"))).refuses(Refused, "task_test has run already")


def test_a_held_task_that_gets_a_new_dependency_waits_for_it():
    held, note = task("task_h", "custom", require_confirm=True), task("task_note", "custom")
    waiting = (created(held), started(held=("task_h",)), TIMED_OUT)
    later = msgspec.structs.replace(held, depends_on=("task_note",))
    d = given(*waiting).when(edit(later, note)).then(changed(later, note))
    assert d.states == {"task_h": "blocked", "task_note": "blocked"}
    after = decide.confirm(d, "continue", "go", **AS)[0]
    assert isinstance(after, DeploymentConfirmed)
    assert (after.released, after.held) == (("task_note",), ())


def test_a_held_task_that_stays_is_held_again_when_it_goes_on():
    held = task("task_h", "custom", require_confirm=True)
    d = given(created(held), started(held=("task_h",)), TIMED_OUT).when(edit(held)).after()
    assert decide.confirm(d, "continue", "go", **AS)[0].held == ("task_h",)


def test_what_a_person_has_agreed_to_is_not_changed_behind_their_back():
    agreed = fact(DeploymentConfirmed, "dep_1", decision="continue", reason="fine")
    given(created(manual_approval=True), ASKED, agreed).when(edit(*CHAIN)).refuses(Refused, "approved as it is")


def test_what_a_change_was_approved_for_is_not_changed():
    given(created(change_id="chg_1")).when(edit(*CHAIN)).refuses(Refused, "make another change")
