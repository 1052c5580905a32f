"""What people may do with single tasks."""

from datetime import timedelta

import pytest

from application.deployments.commands import EditedTask
from application.ports.executor import Outcome
from domain.access import Forbidden
from domain.errors import NotFound, Refused
from tests.application.checks import as_edited, refused
from tests.application.town import BUILT
from tests.application.world import World


@pytest.fixture
async def ground(world: World):
    """A running deployment: world, deployment."""
    app, env, version = await world.app(**BUILT), await world.env(), await world.version()
    return world, await world.deploy(version, app, to=env)


VERBS = {
    "retry": lambda world, dep, id: world.tasks.retry(world.by(), dep, id),
    "cancel": lambda world, dep, id: world.tasks.cancel(world.by(), dep, id, "no"),
    "confirm": lambda world, dep, id: world.tasks.confirm(world.by(), dep, id, "continue", "go"),
}


@pytest.mark.parametrize("verb", VERBS)
async def test_a_task_of_another_deployment_is_not_found(ground, verb):
    world, dep = ground
    other = await world.deploy("ver_0001", "app_0001", to="env_0001", auto_start=False)
    theirs = await world.task_id(other, "build")
    for id in (theirs, "task_9", "", dep):
        await refused(world, NotFound, f"no task {id} in {dep}", VERBS[verb](world, dep, id))
    await refused(world, NotFound, "no deployment dep_9", VERBS[verb](world, "dep_9", theirs))


@pytest.mark.parametrize("verb", ["cancel", "confirm"])
async def test_a_task_that_waits_for_others_is_left_to_the_workflow(ground, verb):
    world, dep = ground
    await refused(world, Refused, "has not come to run yet", VERBS[verb](world, dep, await world.task_id(dep, "deploy")))


async def test_only_a_failed_task_is_retried(ground):
    world, dep = ground
    build = await world.task_id(dep, "build")
    await refused(world, Refused, "only a failed deployment", VERBS["retry"](world, dep, build))
    world.bench.next("test", Outcome("failed", "broken"))
    await world.run()
    await refused(world, Refused, "has not failed", VERBS["retry"](world, dep, build))
    done = await VERBS["retry"](world, dep, test := await world.task_id(dep, "test"))
    assert (done.id, (await world.state(test)).attempt) == (test, 2)


async def test_retrying_one_of_two_leaves_the_other_failed(world):
    apps = [await world.app(name, build_command="make") for name in ("shop", "blog")]
    for _ in apps:
        world.bench.next("build", Outcome("failed", "broken"))
    dep = await world.deploy(await world.version(), *apps, to=await world.env())
    await world.run()
    await world.tasks.retry(world.by(), dep, await world.task_id(dep, "build", apps[0]))
    await world.run()
    d = await world.deployment(dep)
    assert (d.phase, d.failing) == ("failed", "Build blog had failed and was not run again")
    assert (await world.task(dep, "health_check", apps[0])).state == "success"
    await world.must_be_tidy()


async def test_a_cancel_is_asked_once(ground):
    world, dep = ground
    world.bench.hold("build")
    await world.run(until=lambda: "task.started" in world.topics())
    build = await world.task_id(dep, "build")
    assert (await VERBS["cancel"](world, dep, build)).id == build
    before = world.log.position
    assert (await VERBS["cancel"](world, dep, build)).position == 0
    assert world.log.position == before


async def test_a_task_that_is_being_stopped_is_not_decided_about(ground):
    world, dep = ground
    world.bench.hold("build")
    await world.run(until=lambda: "task.started" in world.topics())
    build = await world.task_id(dep, "build")
    await refused(world, Refused, "does not wait for a decision", VERBS["confirm"](world, dep, build))
    world.now += timedelta(hours=1)
    await world.driving.pass_task_deadline(world.by("system"), build, (await world.state(build)).deadline)
    await world.tasks.confirm(world.by(), dep, build, "rollback", "enough")
    await refused(world, Refused, "is being stopped", VERBS["confirm"](world, dep, build))


async def test_a_finished_task_is_neither_stopped_nor_decided_about(ground):
    world, dep = ground
    await world.run()
    build = await world.task_id(dep, "build")
    await refused(world, Refused, "has ended", VERBS["cancel"](world, dep, build))
    await refused(world, Refused, "does not wait for a decision", VERBS["confirm"](world, dep, build))


async def held(world, *, after=()):
    """A deployment that holds a deploy task for a person's word."""
    app = await world.app()
    d = await world.deployment(await world.deploy(await world.version(), app, to=await world.env(), auto_start=False))
    more = tuple(EditedTask("", "custom", name) for name in after)
    await world.deployments.edit(world.by(), d.id, (*as_edited(d, deploy={"require_confirm": True}), *more))
    await world.deployments.execute(world.by(), d.id)
    return d.id, await world.task_id(d.id, "deploy")


async def test_a_held_task_is_not_cancelled_but_refused(world):
    dep, task = await held(world)
    await refused(world, Refused, "confirm or refuse it", VERBS["cancel"](world, dep, task))
    done = await world.tasks.confirm(world.by("approver"), dep, task, "rollback", "no")
    assert done.id == task
    d = await world.deployment(dep)
    assert (d.phase, d.failing, d.rolls_back) == ("failed", "Deploy shop: refused: no", False)
    await world.run()
    await world.must_be_tidy()


async def test_a_refused_task_can_be_asked_about_again(world):
    dep, task = await held(world)
    await world.tasks.confirm(world.by("approver"), dep, task, "rollback", "no")
    await world.tasks.retry(world.by(), dep, task)
    await world.tasks.confirm(world.by("approver"), dep, task, "continue", "well then")
    await world.run()
    assert await world.phase(dep) == "success"
    await world.must_be_tidy()


async def test_after_a_failure_a_held_task_is_not_let_go(world):
    world.bench.next("custom", Outcome("failed", "broken"))
    world.bench.hold("build")
    dep, task = await held(world, after=("first",))
    await world.run()
    assert await world.phase(dep) == "failed"
    await refused(world, Refused, "does not wait", VERBS["confirm"](world, dep, task))
    await world.deployments.retry(world.by(), dep)
    await world.tasks.confirm(world.by("approver"), dep, task, "continue", "go")
    await world.run()
    assert await world.phase(dep) == "success"


@pytest.mark.parametrize(("verb", "roles"), [("retry", "approver viewer"), ("cancel", "approver viewer"), ("confirm", "developer viewer")])
async def test_who_may_not_is_told_so_before_anything_else(world, verb, roles):
    call = {"retry": world.tasks.retry, "cancel": world.tasks.cancel, "confirm": world.tasks.confirm}[verb]
    more = {"retry": (), "cancel": ("no",), "confirm": ("continue", "go")}[verb]
    for role in roles.split():
        await refused(world, Forbidden, f"{role} may not {'task ' + verb}", call(world.by(role), "dep_9", "task_9", *more))
