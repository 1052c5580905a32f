"""A change: the table of its states, four eyes, and the digest that an approval covers."""

import pytest

from domain.change.events import (
    ChangeApproved,
    ChangeCancelled,
    ChangeCompleted,
    ChangeCreated,
    ChangeExecuted,
    ChangeFailed,
    ChangeRejected,
    ChangeSubmitted,
)
from domain.errors import Refused
from tests.support.given import ANN, NOON, fact, given

BOB = "usr_bob"
CREATED = fact(ChangeCreated, "chg_1", title="t", description="", type="deployment", payload={})
SUBMITTED = fact(ChangeSubmitted, "chg_1", plan_digest="sha256:1")
APPROVED = fact(ChangeApproved, "chg_1", by=BOB, plan_digest="sha256:1")
REJECTED = fact(ChangeRejected, "chg_1", by=BOB, reason="no")
EXECUTED = fact(ChangeExecuted, "chg_1", deployment_id="dep_1")
HISTORIES = {
    "draft": (CREATED,),
    "submitted": (CREATED, SUBMITTED),
    "approved": (CREATED, SUBMITTED, APPROVED),
    "rejected": (CREATED, SUBMITTED, REJECTED),
    "executing": (CREATED, SUBMITTED, APPROVED, EXECUTED),
    "completed": (CREATED, SUBMITTED, APPROVED, EXECUTED, fact(ChangeCompleted, "chg_1")),
    "failed": (CREATED, SUBMITTED, APPROVED, EXECUTED, fact(ChangeFailed, "chg_1", error="broke")),
    "cancelled": (CREATED, fact(ChangeCancelled, "chg_1", reason="no")),
}
AS, AS_BOB = {"at": NOON, "by": ANN}, {"at": NOON, "by": BOB}
VERBS = {
    "submit": lambda c: c.submit("sha256:1", **AS),
    "approve": lambda c: c.approve("", **AS_BOB),
    "reject": lambda c: c.reject("no", **AS_BOB),
    "execute": lambda c: c.execute("dep_1", "sha256:1", **AS),
    "execute what has changed": lambda c: c.execute("dep_1", "sha256:2", **AS),
    "cancel": lambda c: c.cancel("no", **AS),
    "its deployment succeeded": lambda c: c.finish("", **AS),
    "its deployment failed": lambda c: c.finish("broke", **AS),
}
QUIET = {"its deployment succeeded", "its deployment failed"}
ALLOWED = {
    ("draft", "submit"): "submitted", ("submitted", "approve"): "approved", ("submitted", "reject"): "rejected", ("approved", "execute"): "executing",
    ("approved", "execute what has changed"): "submitted",
    ("draft", "cancel"): "cancelled", ("submitted", "cancel"): "cancelled", ("approved", "cancel"): "cancelled",
    ("executing", "its deployment succeeded"): "completed", ("executing", "its deployment failed"): "failed",
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", HISTORIES)
def test_every_verb_in_every_state(state, verb):
    outcome = given(*HISTORIES[state]).when(VERBS[verb])
    if after := ALLOWED.get((state, verb)):
        assert outcome.after().status == after
        assert outcome.events
    elif verb in QUIET:
        outcome.then()
    else:
        outcome.refuses(Refused)


@pytest.mark.parametrize("decide", [lambda c: c.approve("", **AS), lambda c: c.reject("", **AS)])
def test_nobody_decides_about_a_change_of_their_own(decide):
    given(*HISTORIES["submitted"]).when(decide).refuses(Refused, "ask a colleague")


def test_an_approval_covers_what_was_submitted():
    given(*HISTORIES["submitted"]).when(lambda c: c.approve("fine", **AS_BOB)).then(
        fact(ChangeApproved, "chg_1", by=BOB, plan_digest="sha256:1", comment="fine"))


def test_where_something_else_would_run_the_approval_is_void_and_asked_for_anew():
    change = given(*HISTORIES["approved"]).when(lambda c: c.execute("dep_1", "sha256:2", **AS_BOB)).then(
        fact(ChangeSubmitted, "chg_1", by=BOB, plan_digest="sha256:2"))
    assert (change.status, change.plan_digest, change.applicant) == ("submitted", "sha256:2", ANN)
