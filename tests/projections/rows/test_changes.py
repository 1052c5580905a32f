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
from domain.user.events import UserCreated
from projections.changes.queries import CHANGES
from projections.queries import get_change, list_changes
from tests.projections.facts import fact, later

PAYLOAD = {"version_id": "ver_1", "application_ids": ["app_1"], "environment_id": "env_1"}
BOB = fact(UserCreated, "usr_bob", username="bob", email="", roles=())


def created(stream: str = "chg_1", type: str = "deployment"):
    return fact(ChangeCreated, stream, title="v1 to production", description="", type=type, payload=PAYLOAD)


SUBMITTED = fact(ChangeSubmitted, "chg_1", plan_digest="sha256:1")
APPROVED = fact(ChangeApproved, "chg_1", by="usr_bob", plan_digest="sha256:1", comment="fine")
EXECUTED = fact(ChangeExecuted, "chg_1", deployment_id="dep_1")


async def test_a_change_is_printed_with_the_fields_of_the_contract(given, pool):
    given(BOB, created(), SUBMITTED, APPROVED, EXECUTED)
    assert await get_change(pool, "chg_1") == {
        "id": "chg_1", "title": "v1 to production", "description": "", "type": "deployment", "status": "executing", "applicant_id": "usr_ann",
        "created_by": "usr_ann", "approver_id": "usr_bob", "approved_by": "bob", "payload": PAYLOAD, "plan_digest": "sha256:1",
        "deployment_id": "dep_1", "comment": "fine", "error_message": "", "created_at": later(2), "updated_at": later(5), "submitted_at": later(3),
        "decided_at": later(4), "completed_at": None, "stream_version": 4, "position": 5}


async def test_those_that_are_asked_for_by_id_are_printed_as_one_is_and_what_is_not_there_is_left_out(given, pool):
    given(BOB, created(), SUBMITTED, APPROVED, EXECUTED, created("chg_2"), created("chg_3"))
    asked = ["chg_3", "chg_9", "chg_1", "chg_1 chg_2", "chg_1"]
    assert await CHANGES.by_ids(pool, asked[:3]) == [await get_change(pool, "chg_3"), await get_change(pool, "chg_1")]
    assert {row["id"] for row in await CHANGES.by_ids(pool, asked)} == {"chg_1", "chg_2", "chg_3"}
    assert await CHANGES.by_ids(pool, []) == []


@pytest.mark.parametrize(("events", "status"), [
    ([], "draft"), ([SUBMITTED], "submitted"), ([SUBMITTED, APPROVED], "approved"),
    ([SUBMITTED, fact(ChangeRejected, "chg_1", by="usr_bob", reason="not today")], "rejected"), ([SUBMITTED, APPROVED, EXECUTED], "executing"),
    ([SUBMITTED, APPROVED, EXECUTED, fact(ChangeCompleted, "chg_1")], "completed"),
    ([SUBMITTED, APPROVED, EXECUTED, fact(ChangeFailed, "chg_1", error="no")], "failed"), ([fact(ChangeCancelled, "chg_1", reason="")], "cancelled"),
])
async def test_a_change_goes_through_its_states(given, pool, events, status):
    given(created(), *events)
    assert (await get_change(pool, "chg_1"))["status"] == status
    assert (await list_changes(pool, status=status))[1] == 1


async def test_who_rejected_it_and_why_is_kept_until_it_is_submitted_again(given, pool):
    given(created(), SUBMITTED, fact(ChangeRejected, "chg_1", by="usr_bob", reason="not today"))
    found = await get_change(pool, "chg_1")
    assert (found["approver_id"], found["comment"], found["decided_at"]) == ("usr_bob", "not today", later(3))
    given(fact(ChangeSubmitted, "chg_1", plan_digest="sha256:2"))
    found = await get_change(pool, "chg_1")
    assert (found["approver_id"], found["comment"], found["decided_at"], found["plan_digest"]) == (None, "", None, "sha256:2")


async def test_a_change_that_failed_says_why(given, pool):
    given(created(), SUBMITTED, APPROVED, EXECUTED, fact(ChangeFailed, "chg_1", error="deploy api: exit 1"))
    found = await get_change(pool, "chg_1")
    assert (found["error_message"], found["completed_at"]) == ("deploy api: exit 1", later(5))


async def test_changes_are_filtered_by_status_type_and_applicant(given, pool):
    given(created(), created("chg_2", type="rollback"), fact(ChangeCancelled, "chg_2", reason="a mistake"))
    assert [row["id"] for row in (await list_changes(pool, type="rollback"))[0]] == ["chg_2"]
    assert [row["comment"] for row in (await list_changes(pool, status="cancelled"))[0]] == ["a mistake"]
    assert [row["id"] for row in (await list_changes(pool, applicant_id="usr_ann"))[0]] == ["chg_2", "chg_1"]
    assert (await list_changes(pool, applicant_id="usr_bob"))[1] == 0
