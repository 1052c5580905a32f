"""What becomes of deliveries: versions, never doubled; and deployments where applications want each new version."""

import asyncio

import pytest

from application.environments import ChangeEnvironment
from application.webhooks import Delivery, Ignored, PullRequestMerged, TagPushed
from domain.version.events import VersionCreated
from tests.application.fakes import MemoryCatalog
from tests.application.town import REPOSITORY
from tests.application.world import World


def delivery(n=1, repository=REPOSITORY):
    return Delivery("github", "push", f"d{n}", repository)


def tag(world, name, n=1, **fields):
    return world.webhooks.tag_pushed(world.by("system"), TagPushed(delivery(n, **fields), name, "c0ffee", "message"))


def merge(world, n):
    return world.webhooks.pull_request_merged(world.by("system"), PullRequestMerged(delivery(n), n, f"commit{n}", f"change {n}"))


def versions(world):
    return [event for event in world.facts() if isinstance(event, VersionCreated)]


async def test_a_tag_becomes_a_version_once(world):
    for n in (1, 2):
        await tag(world, "v1.0.0", n)
    await tag(world, "v1.0.0", 3, repository="git@git.example:org/app.git")
    [version] = versions(world)
    assert (version.git_tag, version.git_commit, version.source, version.description, version.pull_request) == (
        "v1.0.0", "c0ffee", "github", "message", None)
    received = [event for event in world.facts() if event.TOPIC == "delivery.received"]
    assert [(event.version_id, event.version_created) for event in received] == [
        (version.stream, True), (version.stream, False), (version.stream, False)]


@pytest.mark.parametrize(("known", "expected"), [([], "v0.1.0"), (["v1.2.3", "v1.2.9"], "v1.2.10"), (["nightly"], "v0.1.0")])
async def test_a_merged_pull_request_gets_the_next_patch_version(world, known, expected):
    for name in known:
        await world.version(name)
    done = await merge(world, 7)
    version = versions(world)[-1]
    assert (version.git_tag, version.git_commit, version.pull_request, version.description) == (expected, "commit7", 7, "change 7")
    assert (done.events[0].auto_tag, done.events[0].version_id) == (expected, version.stream)


async def test_the_own_push_of_an_automatic_tag_finds_its_version(world):
    await merge(world, 7)
    await tag(world, "v0.1.0", 8)
    assert len(versions(world)) == 1


async def test_many_merges_at_once_get_versions_one_after_the_other(world):
    await asyncio.gather(*(merge(world, n) for n in range(1, 13)))
    assert sorted(event.git_tag for event in versions(world)) == sorted(["v0.1.0", *(f"v0.1.{n}" for n in range(1, 12))])


class Behind(MemoryCatalog):
    """A read model that has heard of nothing yet."""

    async def tags(self, repository):
        return []


async def test_a_read_model_that_is_behind_leads_to_no_double(world):
    world.webhooks._catalog = Behind(world.log)
    for n in (1, 2, 3):
        await merge(world, n)
    assert [event.git_tag for event in versions(world)] == ["v0.1.0", "v0.1.1", "v0.1.2"]


async def test_what_means_nothing_is_kept_with_the_reason(world):
    done = await world.webhooks.ignored(world.by("system"), Ignored(delivery(), "a branch was pushed"))
    assert (done.events[0].ignored, done.id, world.topics()) == ("a branch was pushed", done.events[0].stream, ["delivery.received"])


# Deploying by itself


async def test_each_environment_gets_one_deployment_with_all_that_want_it_there(repeating):
    world = repeating
    prod, stage = await world.env("prod"), await world.env("stage")
    shop = await world.app("shop", auto_deploy=[prod, stage])
    blog = await world.app("blog", auto_deploy=[prod])
    await world.app("other")
    await tag(world, "v1.0.0")
    await world.run()
    made = [event for event in world.facts() if event.TOPIC == "deployment.created"]
    assert {event.target.environment_id: tuple(app.id for app in event.applications) for event in made} == {prod: (shop, blog), stage: (shop,)}
    assert {await world.phase(id) for id in world.log.streams if id.startswith("dep_")} == {"success"}
    await world.must_be_tidy()


async def test_a_version_made_by_hand_is_not_deployed_by_itself(world):
    await world.app("shop", auto_deploy=[await world.env()])
    await world.version()
    await world.run()
    assert "deployment.created" not in world.topics()


async def test_a_version_of_another_repository_concerns_nobody(world):
    await world.app("shop", auto_deploy=[await world.env()])
    await tag(world, "v1", repository="https://git.example/org/other")
    await world.run()
    assert "deployment.created" not in world.topics()


async def test_one_environment_that_refuses_does_not_keep_the_others_from_theirs(world: World):
    closed, open_ = await world.env("closed"), await world.env("open")
    await world.app("shop", auto_deploy=[closed, open_])
    await world.environments.change(world.by(), ChangeEnvironment(closed, is_active=False))
    await tag(world, "v1.0.0")
    await world.run()
    [created] = [event for event in world.facts() if event.TOPIC == "deployment.created"]
    assert created.target.environment_id == open_
    [failure] = world.failures
    assert "1 of 2 environments did not get v1.0.0: environment closed is not active" in failure


async def test_a_repetition_after_others_came_makes_no_second_deployment(world):
    env = await world.env()
    await world.app("shop", auto_deploy=[env])
    await tag(world, "v1.0.0")
    await world.run()
    await world.app("blog", auto_deploy=[env])
    before = world.log.position
    world.replay()
    await world.run()
    assert world.log.position == before
    await world.must_be_tidy()
