"""Who may do what: one table for every command and every query, whatever door it comes through."""

from collections.abc import Collection
from dataclasses import dataclass

from domain.errors import DomainError


class Forbidden(DomainError):
    """The caller is known, and may not do this."""


@dataclass(frozen=True)
class Actor:
    """Somebody who acts: a person with a token, or a process of the system."""

    id: str
    name: str
    roles: frozenset[str]


SYSTEM = "system"
READERS = frozenset({"admin", "operator", "developer", "approver", "viewer", SYSTEM})
OPERATORS = frozenset({"admin", "operator", SYSTEM})
DEVELOPERS = OPERATORS | {"developer"}
APPROVERS = frozenset({"admin", "approver", "operator"})
ADMINS = frozenset({"admin", SYSTEM})
ROLES = ("admin", "operator", "developer", "approver", "viewer")

PERMISSIONS: dict[str, Collection[str]] = {
    "version:read": READERS, "version:create": DEVELOPERS, "version:delete": OPERATORS, "version:verify": {SYSTEM},
    "application:read": READERS, "application:create": DEVELOPERS, "application:update": DEVELOPERS, "application:delete": OPERATORS,
    "environment:read": READERS, "environment:create": OPERATORS, "environment:update": OPERATORS, "environment:delete": OPERATORS,
    "environment:check": OPERATORS,
    "deployment:read": READERS, "deployment:create": DEVELOPERS, "deployment:execute": DEVELOPERS, "deployment:cancel": DEVELOPERS,
    "deployment:rollback": OPERATORS, "deployment:confirm": APPROVERS, "deployment:retry": DEVELOPERS, "deployment:edit": DEVELOPERS,
    "deployment:drive": {SYSTEM},
    "task:read": READERS, "task:retry": DEVELOPERS, "task:cancel": DEVELOPERS, "task:confirm": APPROVERS, "task:work": {SYSTEM},
    "change:read": READERS, "change:create": DEVELOPERS, "change:submit": DEVELOPERS, "change:approve": APPROVERS, "change:reject": APPROVERS,
    "change:execute": OPERATORS, "change:cancel": DEVELOPERS,
    "audit:read": {"admin", "operator", "approver", SYSTEM}, "delivery:read": READERS, "delivery:receive": {SYSTEM},
    "notification:read": READERS, "notification:send": {SYSTEM},
    "user:read": ADMINS, "user:create": ADMINS, "user:forget": ADMINS, "token:issue": ADMINS, "token:revoke": ADMINS,
}


def require(actor: Actor, action: str) -> None:
    """Raise Forbidden unless one of the actor's roles may do this. An action without an entry is a programming error."""
    if actor.roles.isdisjoint(PERMISSIONS[action]):
        raise Forbidden(f"{actor.name} may not {action.replace(':', ' ')}", action=action)
