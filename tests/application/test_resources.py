"""Versions, applications and environments: one name each, not deleted while in use, secrets kept out of the log."""

import asyncio

import pytest

from application.applications import ChangeApplication, CreateApplication
from application.environments import ChangeEnvironment, CreateEnvironment
from application.ports.deployer import Health
from application.versions import CreateVersion
from domain.config import MASK
from domain.errors import Invalid, NotFound, Refused
from tests.application.checks import refused
from tests.application.town import REPOSITORY
from tests.application.world import World

# Versions


async def test_a_tag_of_a_repository_is_one_version_however_the_repository_is_spelled(world):
    first = await world.version("v1")
    error = await refused(world, Refused, "already", world.version("v1", "git@git.example:org/app.git"))
    assert error.details == {"existing": first}
    await world.version("v1", "https://git.example/org/other")


async def test_of_many_who_create_the_same_version_at_once_one_succeeds(world):
    answers = await asyncio.gather(*(world.version("v1") for _ in range(10)), return_exceptions=True)
    assert [type(answer) for answer in answers].count(str) == 1
    assert [type(answer) for answer in answers].count(Refused) == 9


async def test_a_version_keeps_what_was_said_of_it(world):
    done = await world.versions.create(world.by("developer"), CreateVersion("v1", "c0ffee", REPOSITORY, "first"))
    [created, claimed] = done.events
    assert (created.git_tag, created.git_commit, created.repository) == ("v1", "c0ffee", REPOSITORY)
    assert (created.description, created.source) == ("first", "api")
    assert (claimed.owner, done.id) == (created.stream, created.stream)


async def test_a_version_in_use_is_not_deleted(world):
    version = await world.version()
    id = await world.deploy(version, await world.app(), to=await world.env())
    error = await refused(world, Refused, "v1.0.0 is in use", world.versions.delete(world.by(), version))
    assert id in error.details["used_by"]
    await world.run()
    await world.versions.delete(world.by(), version)


async def test_a_deleted_tag_may_come_again_as_another_version(world):
    first = await world.version("v1")
    await world.versions.delete(world.by("operator"), first)
    await refused(world, NotFound, f"no version {first}", world.versions.delete(world.by(), first))
    assert await world.version("v1") != first


# Applications and environments alike

CREATE = {
    "app": lambda world, name, **config: world.app(name, **config),
    "env": lambda world, name, **config: world.env(name, **config),
}


def change(world, kind, id, **fields):
    if kind == "app":
        return world.applications.change(world.by("operator"), ChangeApplication(id, **fields))
    return world.environments.change(world.by("operator"), ChangeEnvironment(id, **fields))


def delete(world, kind, id):
    return (world.applications if kind == "app" else world.environments).delete(world.by("operator"), id)


KINDS = pytest.mark.parametrize("kind", CREATE)


@KINDS
async def test_a_name_belongs_to_one(world, kind):
    first = await CREATE[kind](world, "one")
    error = await refused(world, Refused, "already", CREATE[kind](world, "one"))
    assert error.details == {"existing": first}


@KINDS
async def test_of_many_who_take_the_same_name_at_once_one_succeeds(world, kind):
    answers = await asyncio.gather(*(CREATE[kind](world, "one") for _ in range(10)), return_exceptions=True)
    assert [type(answer) for answer in answers].count(str) == 1


@KINDS
async def test_a_name_moves_with_a_rename_and_the_old_one_is_free(world, kind):
    first, second = await CREATE[kind](world, "one"), await CREATE[kind](world, "two")
    await refused(world, Refused, "already", change(world, kind, first, name="two"))
    await change(world, kind, first, name="three")
    assert (await world.state(first)).name == "three"
    await change(world, kind, second, name="one")
    await refused(world, Refused, "already", CREATE[kind](world, "three"))


@KINDS
async def test_what_is_already_so_is_no_change(world, kind):
    id = await CREATE[kind](world, "one", timeout=5)
    before = world.log.position
    assert (await change(world, kind, id, name="one", config={"timeout": 5})).position == 0
    assert (await change(world, kind, id)).position == 0
    assert world.log.position == before


@KINDS
async def test_a_change_of_what_somebody_changed_since_is_refused(world, kind):
    id = await CREATE[kind](world, "one")
    await change(world, kind, id, name="two", expected=1)
    error = await refused(world, Refused, "read it again", change(world, kind, id, name="three", expected=1))
    assert error.details == {"current": 2, "etag": '"2"'}


@KINDS
async def test_what_is_in_use_is_not_deleted_and_later_it_is(world, kind):
    app, env = await world.app(), await world.env()
    dep = await world.deploy(await world.version(), app, to=env)
    id = app if kind == "app" else env
    error = await refused(world, Refused, "is in use", delete(world, kind, id))
    assert dep in error.details["used_by"]
    await world.run()
    await delete(world, kind, id)
    await refused(world, NotFound, id, delete(world, kind, id))
    await refused(world, NotFound, id, change(world, kind, id, name="new"))
    await CREATE[kind](world, "shop" if kind == "app" else "prod")  # the name is free again


@KINDS
@pytest.mark.parametrize(("config", "field"), [({"timeuot": 5}, "config.timeuot"), ({"timeout": "soon"}, "config.timeout")])
async def test_settings_that_do_not_exist_or_fit_are_refused_by_name(world, kind, config, field):
    error = await refused(world, Invalid, "", CREATE[kind](world, "one", **config))
    assert error.details["field"] == field
    id = await CREATE[kind](world, "two")
    assert (await refused(world, Invalid, "", change(world, kind, id, config=config))).details["field"] == field


# Secrets


async def test_a_secret_is_kept_outside_and_the_mask_keeps_it(world):
    id = await world.app("private", git_token="t0ken", port=80)
    assert (await world.state(id)).config == {"git_token": {"secret": "sec_1"}, "port": 80}
    await change(world, "app", id, config={"git_token": MASK, "port": 81})
    assert (await world.state(id)).config == {"git_token": {"secret": "sec_1"}, "port": 81}
    await change(world, "app", id, config={"git_token": "n3w"})
    assert (await world.state(id)).config == {"git_token": {"secret": "sec_2"}}
    await change(world, "app", id, config={})
    assert (await world.state(id)).config == {}
    assert world.secrets.values == {"sec_1": "t0ken", "sec_2": "n3w"}
    assert all(b"t0ken" not in row.state and b"n3w" not in row.state for row in world.log.stored)


@pytest.mark.parametrize("value", ["", None, 5, ["x"], {"secret": "sec_1"}])
async def test_what_is_no_secret_is_refused(world, value):
    await refused(world, Invalid, "git_token", world.app("private", git_token=value))
    assert world.secrets.values == {}


async def test_the_mask_stands_only_for_what_is_stored(world):
    await refused(world, Invalid, "no stored git_token", world.app("private", git_token=MASK))
    id = await world.app("private")
    await refused(world, Invalid, "no stored git_token", change(world, "app", id, config={"git_token": MASK}))


async def test_nobody_points_a_setting_at_somebody_elses_secret(world):
    await world.app("private", git_token="t0ken")
    await refused(world, Invalid, "looks like a reference", world.app("thief", context={"secret": "sec_1"}))
    assert (await world.state(await world.app("shop", build_args={"secret": "my own"}))).config == {"build_args": {"secret": "my own"}}


# What each has of its own


async def test_auto_deploy_names_environments_that_exist(world):
    env = await world.env()
    await world.app("shop", auto_deploy=[env])
    await refused(world, NotFound, "env_9", world.app("blog", auto_deploy=[env, "env_9"]))
    for wrong in (env, [5], {"a": 1}):
        await refused(world, Invalid, "list of environment ids", world.app("blog", auto_deploy=wrong))


@pytest.mark.parametrize(("type", "config", "field"), [
    ("moon", {}, "type"), ("memory", {"hosts": []}, "config.hosts"), ("memory", {"deployment_strategy": "yolo"}, "config.deployment_strategy"),
])
async def test_an_environment_that_cannot_be_is_refused(world, type, config, field):
    error = await refused(world, Invalid, "there is no", world.environments.create(world.by(), CreateEnvironment("one", type, config)))
    assert error.details["field"] == field


async def test_settings_must_fit_a_new_type(world):
    id = (await world.environments.create(world.by(), CreateEnvironment("one", "physical", {"hosts": ["a"], "ssh_key": "k3y"}))).id
    await refused(world, Invalid, "no setting 'hosts'", change(world, "env", id, type="memory"))
    await refused(world, Invalid, "no setting 'ssh_key'", change(world, "env", id, type="memory", config={"ssh_key": MASK}))
    await change(world, "env", id, type="docker_compose")
    assert (await world.state(id)).config == {"hosts": ["a"], "ssh_key": {"secret": "sec_1"}}
    await change(world, "env", id, type="memory", config={})
    assert (await world.state(id)).type == "memory"


@pytest.mark.parametrize(("sight", "status"), [(True, "healthy"), (False, "unreachable")])
async def test_a_check_asks_the_target_and_keeps_the_answer(world, sight, status):
    id = await world.env()
    if not sight:
        world.target.lose_sight()
    health, done = await world.environments.check(world.by("operator"), id)
    assert (health.healthy, done.events[0].status) == (sight, status)


async def test_a_check_without_its_secrets_says_so(world: World):
    world.environments._deployers["physical"] = world.target
    id = (await world.environments.create(world.by(), CreateEnvironment("one", "physical", {"ssh_key": "k3y"}))).id
    world.secrets.values.clear()
    health, done = await world.environments.check(world.by("operator"), id)
    assert health == Health(False, "there is no secret sec_1")
    assert done.events[0].status == "unreachable"


async def test_what_cannot_be_reached_from_here_is_not_checked(world):
    id = (await world.environments.create(world.by(), CreateEnvironment("far", "kubernetes", {}))).id
    await refused(world, Refused, "cannot reach environments of type kubernetes", world.environments.check(world.by(), id))
    await refused(world, NotFound, "env_9", world.environments.check(world.by(), "env_9"))


async def test_an_applications_repository_stays(world):
    done = await world.applications.create(world.by("developer"), CreateApplication("shop", REPOSITORY, "service", {}))
    await change(world, "app", done.id, type="job")
    app = await world.state(done.id)
    assert (app.repository, app.type) == (REPOSITORY, "job")
