"""The policy, role by role: one table of what each may do, written out here a second time, on purpose."""

import pytest

from domain.access import PERMISSIONS, ROLES, SYSTEM, Actor, Forbidden, require
from tests.support.given import ANN

READS = {"version:read", "application:read", "environment:read", "deployment:read", "task:read", "change:read", "delivery:read", "notification:read"}
DEVELOPS = {
    "version:create", "application:create", "application:update", "deployment:create", "deployment:execute", "deployment:cancel", "deployment:retry",
    "deployment:edit", "task:retry", "task:cancel", "change:create", "change:submit", "change:cancel",
}
APPROVES = {"deployment:confirm", "task:confirm", "change:approve", "change:reject"}
OPERATES = {
    "version:delete", "application:delete", "environment:create", "environment:update", "environment:delete", "environment:check",
    "deployment:rollback", "change:execute",
}
ADMINISTERS = {"user:read", "user:create", "user:forget", "token:issue", "token:revoke"}
WORKS = {"version:verify", "deployment:drive", "task:work", "delivery:receive", "notification:send"}
MAY = {
    "viewer": READS,
    "developer": READS | DEVELOPS,
    "approver": READS | APPROVES | {"audit:read"},
    "operator": READS | DEVELOPS | APPROVES | OPERATES | {"audit:read"},
    "admin": READS | DEVELOPS | APPROVES | OPERATES | ADMINISTERS | {"audit:read"},
    SYSTEM: READS | DEVELOPS | OPERATES | ADMINISTERS | WORKS | {"audit:read"},
}


@pytest.mark.parametrize("role", [*ROLES, SYSTEM])
@pytest.mark.parametrize("action", PERMISSIONS)
def test_each_role_may_what_the_table_says_and_nothing_else(role, action):
    actor = Actor(ANN, "ann", frozenset({role}))
    if action in MAY[role]:
        require(actor, action)
    else:
        with pytest.raises(Forbidden, match="ann may not") as refusal:
            require(actor, action)
        assert refusal.value.details == {"action": action}


def test_the_table_names_every_action_and_no_other():
    assert set().union(*MAY.values()) == set(PERMISSIONS)


@pytest.mark.parametrize("action", PERMISSIONS)
def test_without_a_role_nothing_is_allowed(action):
    with pytest.raises(Forbidden):
        require(Actor(ANN, "ann", frozenset()), action)


def test_one_of_several_roles_is_enough():
    require(Actor(ANN, "ann", frozenset({"viewer", "operator"})), "deployment:rollback")


def test_an_action_without_an_entry_is_a_defect():
    with pytest.raises(KeyError):
        require(Actor(ANN, "ann", frozenset({"admin"})), "moon:land")


def test_no_process_decides_in_a_persons_place():
    assert not APPROVES & MAY[SYSTEM]
