"""The contract's table of deployment states: every verb in every state, allowed as it says or refused without a fact."""

from datetime import timedelta

import pytest

from domain.deployment import decide, editing
from domain.errors import Refused
from tests.domain.deployments import AS, CHAIN, DEADLINE, HISTORIES
from tests.support.given import NOON, given

CONTRACT = {
    "pending": {"running", "cancelled"},
    "running": {"waiting_confirm", "success", "failed", "cancelled"},
    "waiting_confirm": {"running", "cancelled", "failed", "rolled_back", "pending"},  # pending: agreed to, its way not free yet
    "failed": {"running", "rolled_back"},
    "success": {"rolled_back"},
    "cancelled": set(),
    "rolled_back": set(),
}
LATE = {"at": DEADLINE + timedelta(seconds=1), "by": "system:timer"}
VERBS = {
    "start": lambda d: decide.start(d, 8, **AS),
    "queue": lambda d: decide.queue(d, ("dep_0",), **AS),
    "cancel": lambda d: decide.cancel(d, "no", **AS),
    "confirm: continue": lambda d: decide.confirm(d, "continue", "fine", **AS),
    "confirm: rollback": lambda d: decide.confirm(d, "rollback", "no", **AS),
    "retry": lambda d: decide.retry(d, (), 8, **AS),
    "edit": lambda d: editing.edit(d, CHAIN[:1], **AS) if not d.deadline else editing.edit(d, CHAIN, **AS),
    "roll back": lambda d: decide.start_rollback(d, "dep_3", automatic=False, **AS),
    "deadline passes": lambda d: decide.pass_deadline(d, DEADLINE, **LATE),
    "the rollback succeeded": lambda d: decide.rolled_back(d, "dep_2", **AS),
    "the rollback failed": lambda d: decide.rollback_failed(d, "dep_2", "it broke", **AS),
}
QUIET = {"deadline passes", "the rollback succeeded", "the rollback failed"}
"""What processes repeat: where it does not apply, nothing happens."""
ALLOWED = {  # (state, verb) → the phase after it
    ("pending", "start"): "running", ("queued", "start"): "running",
    ("pending", "queue"): "pending", ("queued", "queue"): "pending",
    ("pending", "cancel"): "cancelled", ("queued", "cancel"): "cancelled", ("asked", "cancel"): "cancelled", ("running", "cancel"): "cancelled",
    ("timed out", "cancel"): "cancelled",
    ("asked", "confirm: continue"): "pending", ("timed out", "confirm: continue"): "running",
    ("asked", "confirm: rollback"): "cancelled", ("timed out", "confirm: rollback"): "running",  # until what runs has stopped
    ("failed", "retry"): "running",
    ("pending", "edit"): "pending", ("queued", "edit"): "pending", ("asked", "edit"): "waiting_confirm", ("timed out", "edit"): "waiting_confirm",
    ("failed", "roll back"): "failed", ("to be rolled back", "roll back"): "failed", ("success", "roll back"): "success",
    ("running", "deadline passes"): "waiting_confirm",
    ("being rolled back", "the rollback succeeded"): "rolled_back", ("success, being rolled back", "the rollback succeeded"): "rolled_back",
    ("being rolled back", "the rollback failed"): "failed", ("success, being rolled back", "the rollback failed"): "success",
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", HISTORIES)
def test_every_verb_in_every_state(state, verb):
    before = given(*HISTORIES[state])
    outcome = before.when(VERBS[verb])
    after = ALLOWED.get((state, verb))
    if after:
        assert outcome.error is None
        assert outcome.events
        assert outcome.after().phase == after
        assert after == before.state.phase or after in CONTRACT[before.state.phase]
    elif verb in QUIET:
        outcome.then()
    else:
        outcome.refuses(Refused)


def test_the_table_names_only_states_and_verbs_that_exist():
    assert {state for state, _ in ALLOWED} <= set(HISTORIES)
    assert {verb for _, verb in ALLOWED} == set(VERBS)


@pytest.mark.parametrize("state", HISTORIES)
def test_only_a_pending_deployment_is_startable(state):
    outcome = given(*HISTORIES[state]).when(lambda d: decide.must_be_startable(d) or ())
    if state in ("pending", "queued"):
        outcome.then()
    else:
        outcome.refuses(Refused, "confirm it first" if state in ("asked", "timed out") else "only a pending deployment")


def test_a_person_is_asked_before_anything_runs():
    asked = given(*HISTORIES["pending"]).when(lambda d: decide.ask_for_approval(d, **AS)).after()
    assert (asked.phase, asked.waiting_reason, asked.deadline) == ("waiting_confirm", "manual_approval", None)


@pytest.mark.parametrize("at", [DEADLINE, DEADLINE + timedelta(days=1)])
def test_a_deadline_that_has_passed_asks_a_person(at):
    d = given(*HISTORIES["running"]).when(lambda d: decide.pass_deadline(d, DEADLINE, at=at, by="system:timer")).after()
    assert (d.phase, d.waiting_reason) == ("waiting_confirm", "timeout")


@pytest.mark.parametrize(("due", "at"), [
    (DEADLINE, DEADLINE - timedelta(microseconds=1)),  # rung too early
    (DEADLINE - timedelta(minutes=1), DEADLINE),  # moved since
    (NOON, DEADLINE + timedelta(hours=1)),
])
def test_a_deadline_that_was_moved_or_is_not_reached_asks_nobody(due, at):
    given(*HISTORIES["running"]).when(lambda d: decide.pass_deadline(d, due, at=at, by="system:timer")).then()


@pytest.mark.parametrize("outcome", [decide.rolled_back, lambda *a, **k: decide.rollback_failed(*a, "broken", **k)])
def test_a_rollback_that_is_not_its_own_tells_it_nothing(outcome):
    given(*HISTORIES["being rolled back"]).when(lambda d: outcome(d, "dep_9", **AS)).then()
