"""The policy at every command: who may not is refused before anything is looked up or stored."""

import ast
from collections.abc import Awaitable
from pathlib import Path

import pytest

from application.applications import ChangeApplication, CreateApplication
from application.caller import system
from application.changes import CreateChange
from application.deployments.create import CreateDeployment
from application.environments import ChangeEnvironment, CreateEnvironment
from application.processes.wishes import Notify
from application.users import CreateUser
from application.versions import CreateVersion
from application.webhooks import Delivery, Ignored, PullRequestMerged, TagPushed
from domain.access import PERMISSIONS, ROLES, Forbidden
from domain.errors import DomainError
from tests.application.world import World
from tests.support.given import NOON

DELIVERY = Delivery("github", "push", "d1", "r")
COMMANDS = {  # the action → calls that need it, with ids that do not exist
    "version:create": [lambda w, c: w.versions.create(c, CreateVersion("v1", "c", "r"))],
    "version:delete": [lambda w, c: w.versions.delete(c, "ver_9")],
    "application:create": [lambda w, c: w.applications.create(c, CreateApplication("a", "r", "t", {}))],
    "application:update": [lambda w, c: w.applications.change(c, ChangeApplication("app_9"))],
    "application:delete": [lambda w, c: w.applications.delete(c, "app_9")],
    "environment:create": [lambda w, c: w.environments.create(c, CreateEnvironment("e", "memory", {}))],
    "environment:update": [lambda w, c: w.environments.change(c, ChangeEnvironment("env_9"))],
    "environment:delete": [lambda w, c: w.environments.delete(c, "env_9")],
    "environment:check": [lambda w, c: w.environments.check(c, "env_9")],
    "deployment:create": [lambda w, c: w.deployments.create(c, CreateDeployment("ver_9", ("app_9",), "env_9"))],
    "deployment:execute": [lambda w, c: w.deployments.execute(c, "dep_9")],
    "deployment:cancel": [lambda w, c: w.deployments.cancel(c, "dep_9")],
    "deployment:confirm": [lambda w, c: w.deployments.confirm(c, "dep_9", "continue", "")],
    "deployment:retry": [lambda w, c: w.deployments.retry(c, "dep_9")],
    "deployment:rollback": [lambda w, c: w.deployments.rollback(c, "dep_9")],
    "deployment:edit": [lambda w, c: w.deployments.edit(c, "dep_9", ())],
    "deployment:drive": [lambda w, c: w.driving.roll_back(c, "dep_9"), lambda w, c: w.driving.pass_deadline(c, "dep_9", NOON),
                         lambda w, c: w.driving.pass_task_deadline(c, "task_9", NOON), lambda w, c: w.changes.finish(c, "dep_9")],
    "task:retry": [lambda w, c: w.tasks.retry(c, "dep_9", "task_9")],
    "task:cancel": [lambda w, c: w.tasks.cancel(c, "dep_9", "task_9", "")],
    "task:confirm": [lambda w, c: w.tasks.confirm(c, "dep_9", "task_9", "continue", "")],
    "change:create": [lambda w, c: w.changes.create(c, CreateChange("t", "rollback", {"deployment_id": "dep_9"}))],
    "change:submit": [lambda w, c: w.changes.submit(c, "chg_9")],
    "change:approve": [lambda w, c: w.changes.approve(c, "chg_9")],
    "change:reject": [lambda w, c: w.changes.reject(c, "chg_9")],
    "change:execute": [lambda w, c: w.changes.execute(c, "chg_9")],
    "change:cancel": [lambda w, c: w.changes.cancel(c, "chg_9")],
    "delivery:receive": [lambda w, c: w.webhooks.tag_pushed(c, TagPushed(DELIVERY, "v1", "c")),
                         lambda w, c: w.webhooks.pull_request_merged(c, PullRequestMerged(DELIVERY, 1, "c")),
                         lambda w, c: w.webhooks.ignored(c, Ignored(DELIVERY, "why"))],
    "notification:send": [lambda w, c: w.notifications.notify(c, Notify("r", "info", "dep_9", "", "m"))],
    "user:create": [lambda w, c: w.users.create(c, CreateUser("u"))],
    "user:forget": [lambda w, c: w.users.forget(c, "usr_9")],
    "token:issue": [lambda w, c: w.users.issue_token(c, "usr_9", "n")],
    "token:revoke": [lambda w, c: w.users.revoke_token(c, "tok_9")],
}
ELSEWHERE = {"version:verify", "task:work"}
"""Only in the name of a process: the reports of workers make their own callers."""


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", COMMANDS)
async def test_each_command_asks_the_policy_first(world: World, action, role):
    for call in COMMANDS[action]:
        before = world.log.position
        refusal = await outcome(call(world, world.by(role)))
        if role in PERMISSIONS[action]:
            assert not isinstance(refusal, Forbidden)
        else:
            assert isinstance(refusal, Forbidden), "somebody who may not was told more than that"
            assert refusal.details == {"action": action}
            assert world.log.position == before


async def outcome(call: Awaitable[object]) -> DomainError | None:
    try:
        await call
    except DomainError as error:
        return error
    return None


@pytest.mark.parametrize("action", [action for action in COMMANDS if action.partition(":")[2] in ("confirm", "approve", "reject")])
async def test_no_process_answers_for_a_person(world: World, action):
    caller = world.by("system")
    assert caller.actor.roles == system("x").roles
    for call in COMMANDS[action]:
        with pytest.raises(Forbidden):
            await call(world, caller)


def named_in_code() -> set[str]:
    """Every action that the application's code names."""
    root = Path(__file__).parents[2] / "application"
    texts = (node.value for path in root.rglob("*.py") for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
    kinds = {action.partition(":")[0] for action in PERMISSIONS}
    return {text for text in texts if isinstance(text, str) and text.partition(":")[0] in kinds and text.partition(":")[2].isalpha()}


def test_every_action_in_the_code_has_an_entry_and_every_entry_is_used():
    assert named_in_code() <= set(PERMISSIONS)
    writes = {action for action in PERMISSIONS if not action.endswith(":read")}
    assert writes - named_in_code() <= {"version:verify"}


def test_every_action_is_tried_here():
    assert set(COMMANDS) | ELSEWHERE == {action for action in PERMISSIONS if not action.endswith(":read")}
