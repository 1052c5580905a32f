"""Deployments from beginning to end: the processes, the dispatcher and the execution together, on fakes."""

from application.ports.executor import Outcome
from tests.application.fakes import PACKAGE
from tests.application.town import BUILT


async def test_a_deployment_builds_tests_deploys_and_looks(repeating):
    world = repeating
    app, env, version = await world.app(**BUILT), await world.env(), await world.version()
    id = await world.deploy(version, app, to=env)
    await world.run()
    d = await world.deployment(id)
    assert d.phase == "success"
    assert [(await world.task(id, type)).state for type in ("build", "test", "deploy", "health_check")] == ["success"] * 4
    assert world.target.places[env].current == "v1.0.0-1"
    assert world.target.receipts == [f"start {await world.task_id(id, 'deploy')}-1", f"end {await world.task_id(id, 'deploy')}-1 succeeded"]
    [installed] = (await world.lane(env)).installed[app]
    assert (installed.version_id, installed.deployment_id, installed.artifact.digest) == (version, id, PACKAGE["digest"])
    assert (await world.state(version)).verified
    assert world.told() == []
    await world.must_be_tidy()


async def deployed(world, tag="v1.0.0", **config):
    """An application of which one version runs."""
    app, env, version = await world.app(**{**BUILT, **config}), await world.env(), await world.version(tag)
    await world.deploy(version, app, to=env)
    await world.run()
    return app, env


async def test_a_sick_version_is_replaced_by_the_one_before(repeating):
    world = repeating
    app, env = await deployed(world)
    world.target.fail_next("health_check", "503")
    bad = await world.deploy(await world.version("v2.0.0"), app, to=env)
    await world.run()
    d = await world.deployment(bad)
    back = await world.deployment(d.rollback_id)
    assert (d.phase, back.phase, back.plan.rollback_of) == ("rolled_back", "success", bad)
    assert [task.type for task in back.tasks] == ["deploy", "health_check"]
    assert world.target.places[env].current == "v1.0.0-3"
    assert world.told() == ["health check failed", "rolled back"]
    assert "lane.handed_over" in world.topics()
    assert world.topics("lane_" + env.partition("_")[2])[-3:] == ["lane.entered", "lane.handed_over", "lane.left"]
    await world.must_be_tidy()


async def test_the_first_deployment_ever_has_no_way_back_and_says_so(repeating):
    world = repeating
    app, env = await world.app(**BUILT), await world.env()
    world.target.fail_next("deploy", "disk full")
    id = await world.deploy(await world.version(), app, to=env)
    await world.run()
    d = await world.deployment(id)
    assert (d.phase, d.rolls_back) == ("failed", False)
    assert world.topics(id)[-2:] == ["deployment.failed", "deployment.rollback_failed"]
    assert world.told() == ["deploy failed", "rollback failed"]
    assert (await world.lane(env)).inside == ()
    await world.must_be_tidy()


async def test_a_failed_build_is_told_and_touches_nothing(repeating):
    world = repeating
    app, env = await deployed(world)
    world.bench.next("build", Outcome("failed", "exit code 2"))
    id = await world.deploy(await world.version("v2.0.0"), app, to=env)
    await world.run()
    assert (await world.deployment(id)).failing == "Build shop: exit code 2"
    assert world.told() == ["build failed"]
    assert world.target.places[env].current == "v1.0.0-1"
    assert "deployment.rollback_started" not in world.topics()
    await world.must_be_tidy()


async def test_who_uses_the_same_application_waits_and_is_let_in(repeating):
    world = repeating
    app, env = await deployed(world)
    world.target.hold("deploy")
    first = await world.deploy(await world.version("v2.0.0"), app, to=env)
    await world.run(until=lambda: world.target.places[env].current == "v2.0.0-2")
    second = await world.deploy(await world.version("v3.0.0"), app, to=env)
    third = await world.deploy(await world.version("v4.0.0"), app, to=env)
    assert (await world.phase(second), (await world.deployment(second)).waiting_reason) == ("pending", "queued")
    assert world.facts(third)[-1].behind == (first, second)
    world.target.release("deploy")
    await world.run()
    assert [await world.phase(id) for id in (first, second, third)] == ["success"] * 3
    assert world.target.places[env].current == "v4.0.0-4"
    await world.must_be_tidy()


async def test_who_uses_another_application_does_not_wait(repeating):
    world = repeating
    one, env = await deployed(world)
    other = await world.app("blog")
    world.target.hold("deploy")
    first = await world.deploy(await world.version("v2.0.0"), one, to=env)
    second = await world.deploy(await world.version("v3.0.0"), other, to=env)
    assert [await world.phase(id) for id in (first, second)] == ["running", "running"]
    world.target.release("deploy")
    await world.run()
    await world.must_be_tidy()


async def test_a_rollback_goes_before_those_who_wait(repeating):
    world = repeating
    app, env = await deployed(world)
    world.target.hold("health_check")
    bad = await world.deploy(await world.version("v2.0.0"), app, to=env)
    waiting = await world.deploy(await world.version("v3.0.0"), app, to=env)
    world.target.fail_next("health_check", "503")
    world.target.release("health_check")
    await world.run()
    rollback = (await world.deployment(bad)).rollback_id
    numbers = {id: (await world.deployment(id)).release_number for id in (bad, rollback, waiting)}
    assert numbers == {bad: 2, rollback: 3, waiting: 4}
    assert await world.phase(waiting) == "success"
    await world.must_be_tidy()


async def test_a_rollback_of_less_lets_in_who_waited_for_the_rest(repeating):
    world = repeating
    shop, env = await deployed(world)
    blog = await world.app("blog")
    world.target.hold("health_check")
    bad = await world.deploy(await world.version("v2.0.0"), shop, blog, to=env)
    waiting = await world.deploy(await world.version("v3.0.0"), blog, to=env)
    checks = [await world.task_id(bad, "health_check", app) for app in (shop, blog)]
    await world.run(until=lambda: all(seen(world, check, "task.started") for check in checks))
    world.target.fail_next("health_check", "503")
    world.target.release("health_check")
    world.target.hold("deploy")  # the rollback of the shop stays under way
    await world.run(until=lambda: seen(world, waiting, "deployment.started"))
    rollback = (await world.deployment(bad)).rollback_id
    assert (await world.phase(rollback), (await world.deployment(rollback)).application_ids) == ("running", (shop,))
    world.target.release("deploy")
    await world.run()
    await world.must_be_tidy()


def seen(world, stream, topic):
    return topic in world.topics(stream)


async def test_two_versions_go_back_each_to_its_own(repeating):
    world = repeating
    shop, env = await deployed(world, "v1.0.0")
    blog = await world.app("blog")
    await world.deploy(await world.version("v2.0.0"), blog, to=env)
    await world.run()
    world.target.fail_next("health_check", "503")
    bad = await world.deploy(await world.version("v3.0.0"), shop, blog, to=env)
    await world.run()
    back = await world.deployment((await world.deployment(bad)).rollback_id)
    assert back.phase == "success"
    assert {app: back.source(app).git_tag for app in back.application_ids} == {shop: "v1.0.0", blog: "v2.0.0"}
    assert {app: found[0].git_tag for app, found in (await world.lane(env)).installed.items()} == {shop: "v1.0.0", blog: "v2.0.0"}
    assert world.told()[-1] == "rolled back"
    await world.must_be_tidy()


async def test_what_the_processes_have_forgotten_they_do_again_without_a_second_fact(repeating):
    world = repeating
    app, env = await deployed(world)
    world.target.fail_next("health_check", "503")
    await world.deploy(await world.version("v2.0.0"), app, to=env)
    await world.run()
    before, receipts, letters = world.log.position, list(world.target.receipts), list(world.letters.sent)
    world.replay()
    await world.run()
    assert (world.log.position, world.target.receipts, world.letters.sent) == (before, receipts, letters)
    await world.must_be_tidy()
