"""A task: the contract's table of its states, its fencing tokens, and what becomes of late and lost reports."""

from datetime import timedelta

import pytest

from domain.errors import Refused
from domain.task import model
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
from domain.task.values import Job
from tests.domain.deployments import SOURCE, TARGET
from tests.support.given import ANN, NOON, fact, given

AS = {"at": NOON, "by": ANN}
DEADLINE, LATER = NOON + timedelta(minutes=30), NOON + timedelta(hours=1)
JOB = Job(deployment_id="dep_1", type="deploy", application_id="app_1", application_name="app", application_config={}, source=SOURCE, target=TARGET,
          config={}, release="v1.0.0-1")


def of(cls, **fields):
    return fact(cls, "task_1", attempt=1, **fields)


RELEASED = of(TaskReleased, job=JOB)
STARTED = of(TaskStarted, token=1, worker="w1", deadline=DEADLINE)
TAKEN = of(TaskTakenOver, token=2, worker="w2")
UNKNOWN = of(TaskOutcomeUnknown, token=1, reason="no route")
TIMED_OUT = of(TaskTimedOut, deadline=DEADLINE)
STOPPING = of(TaskCancelRequested, reason="no")
GIVEN_UP = of(TaskConfirmed, decision="rollback", reason="late")
SUCCEEDED = of(TaskSucceeded, token=1, result={})
FAILED = of(TaskFailed, token=1, error="broken")
CANCELLED = of(TaskCancelled, token=1, stopped=True, message="stopped")

HISTORIES = {
    "pending": (RELEASED,),
    "running": (RELEASED, STARTED),
    "running, stopping": (RELEASED, STARTED, STOPPING),
    "running, out of sight": (RELEASED, STARTED, UNKNOWN),
    "waiting_confirm": (RELEASED, STARTED, TIMED_OUT),
    "waiting_confirm, given up": (RELEASED, STARTED, TIMED_OUT, GIVEN_UP, STOPPING),
    "success": (RELEASED, STARTED, SUCCEEDED),
    "failed": (RELEASED, STARTED, FAILED),
    "cancelled": (RELEASED, STARTED, CANCELLED),
}
CONTRACT = {
    "pending": {"running", "cancelled"},
    "running": {"success", "failed", "waiting_confirm", "cancelled"},
    "waiting_confirm": {"running", "failed", "cancelled", "success"},  # success: it ended before anybody had decided
    "failed": {"pending"},
    "cancelled": {"pending"},
    "success": set(),
}
VERBS = {
    "run again": lambda t: t.release_again(JOB, **AS),
    "begin": lambda t: t.begin("w3", LATER, **AS),
    "succeed": lambda t: t.succeed(1, 1, {}, **AS),
    "fail": lambda t: t.fail(1, 1, "broken", {}, **AS),
    "was stopped": lambda t: t.cancelled(1, 1, True, "stopped", **AS),
    "lose sight": lambda t: t.lose_sight(1, 1, "no route", **AS),
    "deadline passes": lambda t: t.pass_deadline(DEADLINE, at=LATER, by="system:timer"),
    "confirm: continue": lambda t: t.confirm("continue", "go", LATER, **AS),
    "confirm: rollback": lambda t: t.confirm("rollback", "no", LATER, **AS),
    "cancel": lambda t: t.cancel("no", **AS),
}
REPORTS = {"succeed", "fail", "was stopped"}
"""What a worker says who may have lost its hold: kept for the record where it does not count."""
QUIET = {"lose sight", "deadline passes"}
HELD = ("running", "running, stopping", "running, out of sight", "waiting_confirm", "waiting_confirm, given up")
ALLOWED = {
    ("failed", "run again"): "pending", ("cancelled", "run again"): "pending",
    ("pending", "begin"): "running", **{(state, "begin"): state.partition(",")[0] for state in HELD},
    **{(state, "succeed"): "success" for state in HELD}, **{(state, "fail"): "failed" for state in HELD},
    **{(state, "was stopped"): "cancelled" for state in HELD},
    **{(state, "lose sight"): state.partition(",")[0] for state in HELD if state != "running, out of sight"},
    **{(state, "deadline passes"): "waiting_confirm" for state in HELD if state.startswith("running")},
    ("waiting_confirm", "confirm: continue"): "running", ("waiting_confirm", "confirm: rollback"): "waiting_confirm",
    ("running, out of sight", "confirm: continue"): "running", ("running, out of sight", "confirm: rollback"): "running",
    ("pending", "cancel"): "cancelled", ("running", "cancel"): "running", ("running, out of sight", "cancel"): "running",
    ("waiting_confirm", "cancel"): "waiting_confirm",
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", HISTORIES)
def test_every_verb_in_every_state(state, verb):
    before = given(*HISTORIES[state])
    outcome = before.when(VERBS[verb])
    after = ALLOWED.get((state, verb))
    if after:
        assert outcome.error is None
        assert [type(event) for event in outcome.events] != [TaskOutcomeRejected]
        assert outcome.after().state == after
        assert after == before.state.state or after in CONTRACT[before.state.state]
    elif verb in REPORTS:
        assert outcome.facts(TaskOutcomeRejected).state == before.state.state
    elif verb in QUIET or (verb == "cancel" and before.state.cancelling):
        outcome.then()
    else:
        outcome.refuses(Refused)


def test_the_first_attempt_is_released_once():
    assert model.release("task_1", JOB, **AS) == given(RELEASED).events[0]


def test_the_first_to_begin_states_the_intent():
    task = given(RELEASED).when(lambda t: t.begin("w1", DEADLINE, **AS)).then(STARTED)
    assert (task.token, task.worker, task.deadline, task.key) == (1, "w1", DEADLINE, "task_1-1")


def test_a_later_one_takes_over_with_a_newer_token():
    task = given(RELEASED, STARTED).when(lambda t: t.begin("w2", LATER, **AS)).then(TAKEN)
    assert (task.token, task.worker, task.deadline, task.key) == (2, "w2", DEADLINE, "task_1-1")


REPORT = {
    "success": lambda t, attempt, token: t.succeed(attempt, token, {"port": 80}, **AS),
    "failed": lambda t, attempt, token: t.fail(attempt, token, "broken", {}, **AS),
    "cancelled": lambda t, attempt, token: t.cancelled(attempt, token, True, "stopped", **AS),
}


@pytest.mark.parametrize("outcome", REPORT)
@pytest.mark.parametrize(("attempt", "token"), [(1, 1), (1, 3), (2, 2), (0, 2)])
def test_who_was_fenced_off_is_heard_but_changes_nothing(outcome, attempt, token):
    taken = given(RELEASED, STARTED, TAKEN)
    task = taken.when(lambda t: REPORT[outcome](t, attempt, token)).facts(TaskOutcomeRejected)
    assert (task.state, task.token) == ("running", 2)


@pytest.mark.parametrize("outcome", REPORT)
def test_who_holds_the_newest_token_is_believed(outcome):
    assert given(RELEASED, STARTED, TAKEN).when(lambda t: REPORT[outcome](t, 1, 2)).after().state == outcome


def test_a_rejected_report_says_what_was_reported():
    rejected = of(TaskOutcomeRejected, token=1, outcome="failed", error="broken")
    given(RELEASED, STARTED, TAKEN).when(lambda t: t.fail(1, 1, "broken", {}, **AS)).then(rejected)


def test_a_new_attempt_has_a_key_of_its_own_and_a_token_above_all_before():
    again = given(RELEASED, STARTED, TAKEN, of(TaskFailed, token=2, error="broken"))
    task = again.when(lambda t: t.release_again(JOB, **AS)).then(fact(TaskReleased, "task_1", attempt=2, job=JOB))
    assert (task.state, task.key, task.token, task.cancelling, task.unknown) == ("pending", "task_1-2", 2, "", False)
    assert task.begin("w3", LATER, **AS).token == 3
    assert isinstance(task.begin("w3", LATER, **AS), TaskStarted)


def test_the_old_attempts_worker_does_not_end_the_new_one():
    second = given(RELEASED, STARTED, FAILED, fact(TaskReleased, "task_1", attempt=2, job=JOB),
                   fact(TaskStarted, "task_1", attempt=2, token=2, worker="w2", deadline=LATER))
    assert second.when(lambda t: t.succeed(1, 1, {}, **AS)).facts(TaskOutcomeRejected).state == "running"


def test_out_of_sight_is_said_once_and_ends_with_the_outcome():
    lost = given(RELEASED, STARTED, UNKNOWN)
    assert lost.state.unknown
    lost.when(lambda t: t.lose_sight(1, 1, "still", **AS)).then()
    assert not lost.when(lambda t: t.succeed(1, 1, {}, **AS)).after().unknown


def test_only_the_holder_loses_sight():
    given(RELEASED, STARTED, TAKEN).when(lambda t: t.lose_sight(1, 1, "no route", **AS)).then()


@pytest.mark.parametrize(("due", "at"), [(DEADLINE, DEADLINE - timedelta(microseconds=1)), (NOON, LATER), (LATER, LATER)])
def test_a_deadline_that_was_moved_or_is_not_reached_asks_nobody(due, at):
    given(RELEASED, STARTED).when(lambda t: t.pass_deadline(due, at=at, by="system:timer")).then()


def test_continue_gives_more_time_and_the_old_deadline_is_over():
    task = given(RELEASED, STARTED, TIMED_OUT).when(lambda t: t.confirm("continue", "go", LATER, **AS)).then(
        of(TaskConfirmed, decision="continue", reason="go", deadline=LATER))
    assert (task.state, task.deadline) == ("running", LATER)
    assert task.pass_deadline(DEADLINE, at=LATER, by="system:timer") is None


def test_what_was_given_up_is_known_as_such_until_it_has_stopped():
    task = given(*HISTORIES["waiting_confirm, given up"]).state
    assert (task.given_up, task.is_open, task.cancelling) == (True, True, "no")


def test_what_nobody_has_begun_is_over_at_once():
    given(RELEASED).when(lambda t: t.cancel("no", **AS)).then(
        of(TaskCancelled, token=0, stopped=True, message="it had not begun"))


def test_a_cancel_without_a_reason_is_still_a_cancel():
    assert given(RELEASED, STARTED).when(lambda t: t.cancel("", **AS)).after().cancelling


def test_a_task_begins_with_its_release():
    with pytest.raises(TypeError):
        model.evolve(None, STARTED)
