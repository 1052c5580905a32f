"""What people may do with deployments: made, started, confirmed, retried, rolled back, edited."""

import pytest

from application.deployments.commands import EditedTask
from application.deployments.create import CreateDeployment
from application.environments import ChangeEnvironment, CreateEnvironment
from application.ports.executor import Outcome
from domain.deployment.events import DeploymentCancelled
from domain.errors import DomainError, Invalid, NotFound, Refused
from tests.application.checks import as_edited, refused
from tests.application.town import BUILT
from tests.application.world import World


@pytest.fixture
async def ground(world: World):
    """A world with an application, an environment and a version."""
    return world, await world.app(**BUILT), await world.env(), await world.version()


# Making one


async def test_a_new_deployment_starts_by_itself_in_the_same_append(ground):
    world, app, env, version = ground
    done = await world.deployments.create(world.by("developer"), CreateDeployment(version, (app,), env))
    assert [event.TOPIC for event in done.events] == ["deployment.created", "deployment.started", "lane.entered", "task.released"]
    assert (done.id, done.position) == (done.events[0].stream, world.log.position)


@pytest.mark.parametrize(("more", "phase", "reason"), [
    ({"auto_start": False}, "pending", ""),
    ({"manual_approval": True}, "waiting_confirm", "manual_approval"),
    ({"manual_approval": True, "auto_start": False}, "waiting_confirm", "manual_approval"),
])
async def test_what_is_not_to_start_by_itself_does_not(ground, more, phase, reason):
    world, app, env, version = ground
    d = await world.deployment(await world.deploy(version, app, to=env, **more))
    assert (d.phase, d.waiting_reason, d.active) == (phase, reason, ())


async def test_a_deployment_keeps_what_it_was_made_of(ground):
    world, app, env, version = ground
    plan = (await world.deployment(await world.deploy(version, app, to=env, timeout=60.0))).plan
    assert (plan.source.version_id, plan.source.git_tag, plan.target.environment_id, plan.timeout) == (version, "v1.0.0", env, 60.0)
    assert [(a.id, a.name, a.config) for a in plan.applications] == [(app, "shop", BUILT)]


async def test_an_order_takes_names_and_ids_and_keeps_ids(ground):
    world, shop, env, version = ground
    blog = await world.app("blog")
    d = await world.deployment(await world.deploy(version, shop, blog, to=env, must_in_order=("blog", shop)))
    assert d.plan.must_in_order == (blog, shop)
    deploy = {t.application_id: t for t in d.tasks if t.type == "deploy"}
    assert await world.task_id(d.id, "health_check", blog) in deploy[shop].depends_on


@pytest.mark.parametrize(("change", "error", "words"), [
    ({"application_ids": ()}, Invalid, "at least one"),
    ({"application_ids": ("app_0001", "app_0001")}, Invalid, "each application once"),
    ({"application_ids": ("app_9",)}, NotFound, "no application app_9"),
    ({"application_ids": ("ver_0001",)}, NotFound, "no application ver_0001"),
    ({"version_id": "ver_9"}, NotFound, "no version ver_9"),
    ({"environment_id": "env_9"}, NotFound, "no environment env_9"),
    ({"environment_id": ""}, NotFound, "no environment"),
    ({"must_in_order": ("blog",)}, Invalid, "blog is not one of the applications"),
    ({"must_in_order": ("shop", "shop")}, Invalid, "one place"),
    ({"must_in_order": ("shop", "app_0001")}, Invalid, "one place"),
])
async def test_what_makes_no_sense_is_refused(ground, change, error, words):
    world, app, env, version = ground
    asked = {"version_id": version, "application_ids": (app,), "environment_id": env, **change}
    await refused(world, error, words, world.deployments.create(world.by(), CreateDeployment(**asked)))


async def test_an_application_of_another_repository_is_refused(ground):
    world, app, env, _ = ground
    other = await world.version("v1.0.0", repository="https://git.example/org/other")
    await refused(world, Refused, "belongs to https://git.example/org/app", world.deploy(other, app, to=env))


async def test_the_same_repository_in_another_spelling_is_the_same(ground):
    world, app, env, _ = ground
    spelled = await world.version("v2.0.0", repository="git@git.example:org/app.git")
    assert await world.phase(await world.deploy(spelled, app, to=env)) == "running"


async def test_an_inactive_environment_is_refused(ground):
    world, app, env, version = ground
    await world.environments.change(world.by(), ChangeEnvironment(env, is_active=False))
    await refused(world, Refused, "is not active", world.deploy(version, app, to=env))


async def test_a_strategy_that_cannot_be_carried_out_is_refused(ground):
    world, app, _, version = ground
    canary = await world.env("canary", deployment_strategy="canary")
    await refused(world, Refused, "strategy canary", world.deploy(version, app, to=canary))


async def test_a_type_that_nobody_here_can_deploy_to_is_refused(ground):
    world, app, _, version = ground
    far = (await world.environments.create(world.by(), CreateEnvironment("far", "kubernetes", {}))).id
    await refused(world, Refused, "cannot deploy to environments of type kubernetes", world.deploy(version, app, to=far))


# Starting, confirming, cancelling


async def test_execute_starts_what_waits_to_be_started(ground):
    world, app, env, version = ground
    id = await world.deploy(version, app, to=env, auto_start=False)
    await world.deployments.execute(world.by("developer"), id)
    assert await world.phase(id) == "running"
    await refused(world, Refused, "only a pending deployment", world.deployments.execute(world.by(), id))


async def test_execute_of_one_that_waits_in_the_queue_changes_nothing(ground):
    world, app, env, version = ground
    await world.deploy(version, app, to=env)
    second = await world.deploy(version, app, to=env)
    before = world.log.position
    assert (await world.deployments.execute(world.by(), second)).position == 0
    assert world.log.position == before


async def test_what_needs_a_word_cannot_be_started_without_it(ground):
    world, app, env, version = ground
    id = await world.deploy(version, app, to=env, manual_approval=True)
    await refused(world, Refused, "confirm it first", world.deployments.execute(world.by(), id))


async def test_a_word_starts_it_and_is_kept_with_who_and_why(ground):
    world, app, env, version = ground
    id = await world.deploy(version, app, to=env, manual_approval=True)
    done = await world.deployments.confirm(world.by("approver"), id, "continue", "looks good")
    assert (done.events[0].by, done.events[0].reason, await world.phase(id)) == ("usr_approver", "looks good", "running")


async def test_a_word_does_not_start_what_is_not_to_start_by_itself(ground):
    world, app, env, version = ground
    id = await world.deploy(version, app, to=env, manual_approval=True, auto_start=False)
    await world.deployments.confirm(world.by("approver"), id, "continue", "fine")
    assert await world.phase(id) == "pending"
    await world.deployments.execute(world.by("developer"), id)
    assert await world.phase(id) == "running"


async def test_a_word_for_one_whose_way_is_not_free_lets_it_queue_and_it_comes_in_later(ground):
    world, app, env, version = ground
    first = await world.deploy(version, app, to=env)
    second = await world.deploy(version, app, to=env, manual_approval=True)
    await world.deployments.confirm(world.by("approver"), second, "continue", "fine")
    assert [p.deployment_id for p in (await world.lane(env)).waiting] == [second]
    await world.run()
    assert [await world.phase(id) for id in (first, second)] == ["success", "success"]
    await world.must_be_tidy()


async def test_a_declined_one_is_cancelled(ground):
    world, app, env, version = ground
    id = await world.deploy(version, app, to=env, manual_approval=True)
    done = await world.deployments.confirm(world.by("approver"), id, "rollback", "not on a Friday")
    assert isinstance(done.events[-1], DeploymentCancelled)
    assert done.events[-1].reason == "Declined: not on a Friday"
    await world.run()
    await world.must_be_tidy()


async def test_a_cancel_says_who_and_why(ground):
    world, app, env, version = ground
    id = await world.deploy(version, app, to=env)
    done = await world.deployments.cancel(world.by("developer", "eve"), id)
    assert (done.events[0].by, done.events[0].reason) == ("usr_eve", "Deployment cancelled by user")
    assert [event.TOPIC for event in done.events] == ["deployment.cancelled", "task.cancelled", "deployment.task_cancelled", "lane.left"]
    await refused(world, Refused, "nothing to cancel", world.deployments.cancel(world.by(), id))


VERBS = {
    "execute": lambda world, id: world.deployments.execute(world.by(), id),
    "cancel": lambda world, id: world.deployments.cancel(world.by(), id),
    "confirm": lambda world, id: world.deployments.confirm(world.by(), id, "continue", ""),
    "retry": lambda world, id: world.deployments.retry(world.by(), id),
    "rollback": lambda world, id: world.deployments.rollback(world.by(), id),
    "edit": lambda world, id: world.deployments.edit(world.by(), id, ()),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("id", ["dep_9", "env_0001", "", "../x", "dep"])
async def test_what_does_not_exist_is_not_found(ground, verb, id):
    world, *_ = ground
    await refused(world, NotFound, "there is no", VERBS[verb](world, id))


# Retrying


async def failed(world, app, env, version, kind="build"):
    (world.bench.next(kind, Outcome("failed", "broken")) if kind in ("build", "test") else world.target.fail_next(kind, "broken"))
    id = await world.deploy(version, app, to=env)
    await world.run()
    return id


async def test_a_retry_waits_for_nobody_it_is_refused_while_another_is_there(ground):
    world, app, env, version = ground
    id = await failed(world, app, env, version)
    other = await world.deploy(version, app, to=env)
    error = await refused(world, Refused, "retry when it is over", world.deployments.retry(world.by(), id))
    assert error.details == {"behind": [other]}


async def test_a_retry_has_its_place_in_the_environment(ground):
    world, app, env, version = ground
    id = await failed(world, app, env, version)
    done = await world.deployments.retry(world.by("developer"), id)
    assert [event.TOPIC for event in done.events] == ["deployment.retried", "lane.entered", "task.released"]
    assert (await world.lane(env)).holds(id)
    await world.run()
    assert (await world.deployment(id)).release_number == 2
    await world.must_be_tidy()


async def test_what_was_built_before_others_came_may_still_be_retried(ground):
    world, app, env, version = ground
    id = await failed(world, app, env, version, "test")
    await world.deploy(await world.version("v2.0.0"), app, to=env)
    await world.run()
    await world.deployments.retry(world.by(), id)
    await world.run()
    assert world.target.places[env].current == "v1.0.0-3"
    await world.must_be_tidy()


async def test_what_others_have_replaced_since_is_not_taken_up_again(ground):
    world, app, env, version = ground
    id = await failed(world, app, env, version, "health_check")  # nothing ran before it: it is not put back
    await world.deploy(await world.version("v2.0.0"), app, to=env)
    await world.run()
    await refused(world, Refused, "make a new deployment", world.deployments.retry(world.by(), id))


async def test_a_check_that_failed_alone_is_retried_on_the_release_that_was_installed(ground):
    world, app, env, version = ground
    id = await failed(world, app, env, version, "health_check")
    await world.deployments.retry(world.by(), id)
    await world.run()
    assert await world.phase(id) == "success"
    assert (await world.task(id, "health_check")).job.release == world.target.places[env].current == "v1.0.0-1"
    await world.must_be_tidy()


# Rolling back


async def two(world, app, env, version):
    first = await world.deploy(version, app, to=env)
    await world.run()
    second = await world.deploy(await world.version("v2.0.0"), app, to=env)
    await world.run()
    return first, second


async def test_a_rollback_is_a_new_deployment_of_what_ran_before(ground):
    world, app, env, version = ground
    _, second = await two(world, app, env, version)
    done = await world.deployments.rollback(world.by("operator"), second)
    back = await world.deployment(done.id)
    assert (back.plan.rollback_of, back.plan.source.git_tag, [t.type for t in back.tasks]) == (second, "v1.0.0", ["deploy", "health_check"])
    assert (await world.deployment(second)).rollback_id == back.id
    await refused(world, Refused, "being rolled back by", world.deployments.rollback(world.by(), second))
    await world.run()
    assert await world.phase(second) == "rolled_back"
    assert world.target.places[env].current == "v1.0.0-3"
    await world.must_be_tidy()


async def test_a_rollback_is_itself_rolled_back_to_what_it_replaced(ground):
    world, app, env, version = ground
    _, second = await two(world, app, env, version)
    back = (await world.deployments.rollback(world.by(), second)).id
    await world.run()
    again = (await world.deployments.rollback(world.by(), back)).id
    await world.run()
    assert ((await world.deployment(again)).plan.source.git_tag, await world.phase(back)) == ("v2.0.0", "rolled_back")
    await refused(world, Refused, "is rolled_back", world.deployments.rollback(world.by(), second))
    await world.must_be_tidy()


async def test_a_rollback_goes_to_the_version_that_was_named_with_its_package(ground):
    world, app, env, version = ground
    await two(world, app, env, version)
    third = await world.deploy(await world.version("v3.0.0"), app, to=env)
    await world.run()
    back = await world.deployment((await world.deployments.rollback(world.by(), third, version)).id)
    assert (back.plan.source.version_id, list(back.artifacts)) == (version, [app])
    await world.run()
    assert world.target.places[env].current == "v1.0.0-4"


async def test_a_named_version_that_never_ran_there_is_built(ground):
    world, app, env, version = ground
    _, second = await two(world, app, env, version)
    never = await world.version("v1.5.0")
    back = await world.deployment((await world.deployments.rollback(world.by(), second, never)).id)
    assert [t.type for t in back.tasks] == ["build", "test", "deploy", "health_check"]


async def test_without_anything_before_it_there_is_no_way_back(ground):
    world, app, env, version = ground
    id = await world.deploy(version, app, to=env)
    await world.run()
    await refused(world, NotFound, "nothing to go back to", world.deployments.rollback(world.by(), id))


async def test_what_is_too_long_ago_is_not_guessed(ground):
    world, app, env, version = ground
    first, second = await two(world, app, env, version)
    for n in range(11):
        await world.deploy(await world.version(f"v3.0.{n}"), app, to=env)
        await world.run()
    await refused(world, NotFound, "nothing to go back to", world.deployments.rollback(world.by(), second))
    await world.deployments.rollback(world.by(), first, version)  # a person may name where to


async def test_a_rollback_that_fails_leaves_what_it_was_to_undo_and_says_so(ground):
    world, app, env, version = ground
    _, second = await two(world, app, env, version)
    world.target.fail_next("deploy", "disk full")
    back = (await world.deployments.rollback(world.by(), second)).id
    await world.run()
    d = await world.deployment(second)
    assert (await world.phase(back), d.phase, d.rollback_id) == ("failed", "success", "")
    assert world.facts(second)[-1].error == "Deploy shop: disk full"
    assert world.told() == ["deploy failed", "rollback failed"]
    await world.must_be_tidy()
    return world, second, back


async def test_a_rollback_that_failed_is_retried_and_then_it_is_rolled_back(ground):
    world, second, back = await test_a_rollback_that_fails_leaves_what_it_was_to_undo_and_says_so(ground)
    done = await world.deployments.retry(world.by(), back)
    assert (done.id, (await world.deployment(second)).rollback_id) == (back, back)
    await world.run()
    assert [await world.phase(id) for id in (second, back)] == ["rolled_back", "success"]
    await world.must_be_tidy()


async def test_a_cancelled_rollback_leaves_what_it_was_to_undo(ground):
    world, app, env, version = ground
    _, second = await two(world, app, env, version)
    back = (await world.deployments.rollback(world.by(), second)).id
    await world.deployments.cancel(world.by(), back)
    d = await world.deployment(second)
    assert (d.phase, d.rollback_id) == ("success", "")
    await world.run()
    await world.must_be_tidy()


async def test_a_person_may_be_faster_than_the_automatic_rollback(ground):
    world, app, env, version = ground
    await two(world, app, env, version)
    world.target.hold("health_check")
    third = await world.deploy(await world.version("v3.0.0"), app, to=env)
    check = await world.task_id(third, "health_check")
    await world.run(until=lambda: "task.started" in world.topics(check))
    await world.reports.fail(await world.reports.begin(check, 1, "lease", "worker-x"), "503", {})
    assert (await world.deployment(third)).rolls_back
    done = await world.deployments.rollback(world.by("operator"), third, version)
    assert (await world.lane(env)).holds(done.id)
    world.target.release("health_check")
    await world.run()
    assert await world.phase(third) == "rolled_back"
    assert world.topics(third).count("deployment.rollback_started") == 1
    await world.must_be_tidy()


async def test_the_automatic_rollback_does_not_try_again_what_a_persons_rollback_could_not(ground):
    world, app, env, version = ground
    await two(world, app, env, version)
    world.target.hold("health_check")
    third = await world.deploy(await world.version("v3.0.0"), app, to=env)
    check = await world.task_id(third, "health_check")
    await world.run(until=lambda: "task.started" in world.topics(check))
    await world.reports.fail(await world.reports.begin(check, 1, "lease", "worker-x"), "503", {})
    back = (await world.deployments.rollback(world.by("operator"), third)).id
    await world.deployments.cancel(world.by(), back)
    world.target.release("health_check")
    await world.run()
    assert world.topics(third).count("deployment.rollback_started") == 1
    assert (await world.phase(third), world.topics(third)[-1]) == ("failed", "deployment.rollback_failed")
    await world.must_be_tidy()


# Editing


async def test_what_an_edit_leaves_out_stays_as_it_was(ground):
    world, app, env, version = ground
    d = await world.deployment(await world.deploy(version, app, to=env, auto_start=False))
    await world.deployments.edit(world.by("developer"), d.id, as_edited(d))
    assert (await world.deployment(d.id)).tasks == d.tasks
    await world.deployments.edit(world.by(), d.id, as_edited(d, deploy={"require_confirm": True}, build={"config": {}}))
    after = {t.type: t for t in (await world.deployment(d.id)).tasks}
    assert after["deploy"].require_confirm
    assert after["build"].config == {}
    await world.deployments.edit(world.by(), d.id, as_edited(await world.deployment(d.id)))
    assert (await world.deployment(d.id)).tasks == tuple(after.values())


async def test_a_new_task_gets_an_id_of_ours_wherever_it_is_named(ground):
    world, app, env, version = ground
    other = await world.deployment(await world.deploy(version, app, to=env, auto_start=False))
    d = await world.deployment(await world.deploy(version, app, to=env, auto_start=False))
    build, *rest = as_edited(d)
    stolen = other.tasks[0].id
    note = EditedTask(stolen, "custom", "note", depends_on=("mine",))
    await world.deployments.edit(world.by(), d.id, (build, *rest, note, EditedTask("mine", "custom", "first"), EditedTask("", "custom", "last")))
    after = {t.name: t for t in (await world.deployment(d.id)).tasks}
    assert len({t.id for t in after.values()}) == 7
    assert stolen not in {t.id for t in after.values()}
    assert after["note"].depends_on == (after["first"].id,)
    assert after["last"].application_id == app
    await world.deployments.execute(world.by(), d.id)
    await world.run()
    assert await world.phase(d.id) == "success"


async def test_an_edit_of_what_somebody_changed_since_is_refused(ground):
    world, app, env, version = ground
    d = await world.deployment(await world.deploy(version, app, to=env, auto_start=False))
    await world.deployments.edit(world.by(), d.id, as_edited(d, deploy={"require_confirm": True}), expected=d.version)
    error = await refused(world, Refused, "read it again", world.deployments.edit(world.by(), d.id, as_edited(d), expected=d.version))
    assert error.details == {"current": d.version + 1, "etag": f'"{d.version + 1}"'}


async def test_a_workflow_without_tasks_is_refused(ground):
    world, app, env, version = ground
    id = await world.deploy(version, app, to=env, auto_start=False)
    await refused(world, Invalid, "at least one task", world.deployments.edit(world.by(), id, ()))


async def test_a_running_workflow_is_not_edited(ground):
    world, app, env, version = ground
    d = await world.deployment(await world.deploy(version, app, to=env))
    await refused(world, DomainError, "can be edited only", world.deployments.edit(world.by(), d.id, as_edited(d)))


async def test_a_held_task_waits_for_its_person(ground):
    world, app, env, version = ground
    d = await world.deployment(await world.deploy(version, app, to=env, auto_start=False))
    await world.deployments.edit(world.by(), d.id, as_edited(d, deploy={"require_confirm": True}))
    await world.deployments.execute(world.by(), d.id)
    await world.run()
    assert (await world.deployment(d.id)).in_state("held") == (await world.task_id(d.id, "deploy"),)
    done = await world.tasks.confirm(world.by("approver"), d.id, await world.task_id(d.id, "deploy"), "continue", "go")
    assert done.id == await world.task_id(d.id, "deploy")
    await world.run()
    assert await world.phase(d.id) == "success"
    await world.must_be_tidy()
