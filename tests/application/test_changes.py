"""Changes: four eyes, and exactly what was approved."""

import msgspec
import pytest

from application.applications import ChangeApplication
from application.changes import CreateChange
from application.environments import ChangeEnvironment
from application.ports.executor import Outcome
from domain.errors import DomainError, Invalid, NotFound, Refused
from tests.application.checks import refused
from tests.application.town import BUILT
from tests.application.world import World


@pytest.fixture
async def ground(world: World):
    """A world, an approved change, and its payload."""
    payload = {"version_id": await world.version(), "application_ids": [await world.app(**BUILT)], "environment_id": await world.env()}
    return world, await approved(world, payload), payload


async def approved(world, payload, type="deployment"):
    id = (await world.changes.create(world.by("developer"), CreateChange("v1 to prod", type, payload))).id
    await world.changes.submit(world.by("developer"), id)
    await world.changes.approve(world.by("approver"), id, "fine")
    return id


async def status(world, id):
    return (await world.state(id)).status


async def test_an_approved_change_is_done_in_one_append(ground):
    world, change, payload = ground
    done = await world.changes.execute(world.by("operator"), change)
    assert done.id == change
    assert [event.TOPIC for event in done.events][:3] == ["change.executed", "deployment.created", "deployment.started"]
    d = await world.deployment((await world.state(change)).deployment_id)
    assert (d.plan.change_id, d.plan.source.version_id) == (change, payload["version_id"])
    await world.run()
    assert await status(world, change) == "completed"
    await world.must_be_tidy()


async def test_a_change_whose_deployment_fails_has_failed_and_says_why(ground):
    world, change, _ = ground
    world.bench.next("build", Outcome("failed", "exit code 2"))
    await world.changes.execute(world.by(), change)
    await world.run()
    assert (await status(world, change), world.facts(change)[-1].error) == ("failed", "Build shop: exit code 2")


async def test_a_change_whose_deployment_is_cancelled_has_failed(ground):
    world, change, _ = ground
    await world.changes.execute(world.by(), change)
    await world.deployments.cancel(world.by(), (await world.state(change)).deployment_id)
    await world.run()
    assert (await status(world, change), world.facts(change)[-1].error) == ("failed", "Deployment cancelled by user")


async def test_a_deployment_that_runs_again_before_anybody_looked_has_not_ended(ground):
    world, change, _ = ground
    world.bench.next("build", Outcome("failed", "exit code 2"))
    await world.changes.execute(world.by(), change)
    d = (await world.state(change)).deployment_id
    build = await world.task_id(d, "build")
    await world.reports.fail(await world.reports.begin(build, 1, "lease", "worker-x"), "broken", {})
    await world.deployments.retry(world.by(), d)  # the processes have not seen the failure yet
    world.bench.prepared.clear()
    await world.run()
    assert await status(world, change) == "completed"


async def test_the_applicant_does_not_approve(world):
    payload = {"version_id": await world.version(), "application_ids": [await world.app()], "environment_id": await world.env()}
    id = (await world.changes.create(world.by("operator", "ann"), CreateChange("t", "deployment", payload))).id
    await world.changes.submit(world.by("operator", "ann"), id)
    await refused(world, Refused, "ask a colleague", world.changes.approve(world.by("operator", "ann"), id))
    await refused(world, Refused, "ask a colleague", world.changes.reject(world.by("operator", "ann"), id))
    await world.changes.reject(world.by("operator", "bob"), id, "not today")
    assert await status(world, id) == "rejected"


async def moved_version(world, payload):
    async def verify(work):
        work.record(*(await work.version(payload["version_id"])).verify("another commit", at=world.now, by="system:test"))
        return payload["version_id"]

    await world.house.run(world.by("system"), "version:verify", verify)


DRIFTS = {
    "the application's settings": lambda w, p: w.applications.change(w.by(), ChangeApplication(p["application_ids"][0], config={"port": 81})),
    "the environment's settings": lambda w, p: w.environments.change(w.by(), ChangeEnvironment(p["environment_id"], config={"timeout": 5})),
    "the environment's name": lambda w, p: w.environments.change(w.by(), ChangeEnvironment(p["environment_id"], name="prod-2")),
    "the commit": moved_version,
}


@pytest.mark.parametrize("what", DRIFTS)
async def test_where_something_else_would_run_the_approval_is_void(ground, what):
    world, change, payload = ground
    approved_digest = (await world.state(change)).plan_digest
    await DRIFTS[what](world, payload)
    with pytest.raises(Refused, match="not what was approved any more"):
        await world.changes.execute(world.by("operator"), change)
    after = await world.state(change)
    assert after.status == "submitted"
    assert after.plan_digest != approved_digest
    assert "deployment.created" not in world.topics()
    await world.changes.approve(world.by("approver"), change)
    await world.changes.execute(world.by("operator"), change)
    assert await status(world, change) == "executing"


async def test_the_same_call_again_is_refused_again_and_voids_nothing_more(ground):
    world, change, payload = ground
    await world.applications.change(world.by(), ChangeApplication(payload["application_ids"][0], config={}))
    for _ in range(2):
        with pytest.raises(Refused, match="not what was approved"):
            await world.changes.execute(world.by("operator", idempotency_key="once"), change)
    assert world.topics(change).count("change.submitted") == 2


async def test_what_does_not_concern_it_leaves_an_approval_as_it_is(ground):
    world, change, _ = ground
    await world.applications.change(world.by(), ChangeApplication(await world.app("blog"), config={"port": 81}))
    await world.changes.execute(world.by(), change)
    assert await status(world, change) == "executing"


async def test_a_change_may_ask_for_one_more_word(ground):
    world, _, payload = ground
    change = await approved(world, {**payload, "manual_approval": True})
    await world.changes.execute(world.by(), change)
    d = (await world.state(change)).deployment_id
    assert await world.phase(d) == "waiting_confirm"
    await world.deployments.confirm(world.by("approver"), d, "rollback", "no")
    await world.run()
    assert await status(world, change) == "failed"


async def test_a_rollback_may_be_a_change(ground):
    world, change, payload = ground
    await world.changes.execute(world.by(), change)
    await world.run()
    bad = await world.deploy(await world.version("v2.0.0"), *payload["application_ids"], to=payload["environment_id"])
    await world.run()
    back = await approved(world, {"deployment_id": bad}, "rollback")
    done = await world.changes.execute(world.by(), back)
    assert done.events[1].rollback_of == bad
    await world.run()
    assert [await status(world, back), await world.phase(bad)] == ["completed", "rolled_back"]
    await world.must_be_tidy()


async def test_an_approved_rollback_covers_what_it_would_put_back(ground):
    world, change, payload = ground
    await world.changes.execute(world.by(), change)
    await world.run()
    world.bench.next("build", Outcome("failed", "broken"))
    bad = await world.deploy(await world.version("v2.0.0"), *payload["application_ids"], to=payload["environment_id"])
    await world.run()
    back = await approved(world, {"deployment_id": bad}, "rollback")
    await world.deploy(await world.version("v3.0.0"), *payload["application_ids"], to=payload["environment_id"])
    await world.run()
    with pytest.raises(Refused, match="not what was approved"):
        await world.changes.execute(world.by(), back)  # it would go back to v3.0.0 now


async def test_what_cannot_be_done_is_refused_when_it_is_submitted(ground):
    world, _, payload = ground
    id = (await world.changes.create(world.by(), CreateChange("t", "deployment", {**payload, "environment_id": "env_9"}))).id
    await refused(world, NotFound, "env_9", world.changes.submit(world.by(), id))


@pytest.mark.parametrize(("type", "payload", "words"), [
    ("dance", {}, "no change type 'dance'"),
    ("config", {}, "cannot be carried out yet"),
    ("deployment", {}, "does not fit the type deployment"),
    ("deployment", {"version_id": "v", "application_ids": "a", "environment_id": "e"}, "does not fit"),
    ("deployment", {"version_id": "v", "application_ids": ["a"], "environment_id": "e", "force": True}, "force"),
    ("rollback", {"version_id": "v"}, "does not fit the type rollback"),
])
async def test_a_payload_that_says_nothing_that_can_be_done_is_refused(world, type, payload, words):
    await refused(world, Invalid, words, world.changes.create(world.by(), CreateChange("t", type, payload)))


async def test_a_change_is_withdrawn_only_before_it_is_done(ground):
    world, change, _ = ground
    await world.changes.execute(world.by(), change)
    await refused(world, Refused, "only before it is executed", world.changes.cancel(world.by(), change))


async def test_a_withdrawn_change_is_not_done(ground):
    world, change, _ = ground
    await world.changes.cancel(world.by("developer"), change, "changed my mind")
    await refused(world, Refused, "is cancelled", world.changes.execute(world.by(), change))


@pytest.mark.parametrize("verb", ["submit", "approve", "reject", "execute", "cancel"])
async def test_what_does_not_exist_is_not_found(world, verb):
    await refused(world, DomainError, "no change chg_9", getattr(world.changes, verb)(world.by(), "chg_9"))


async def test_the_digest_is_of_content_not_of_time(ground):
    world, _, payload = ground
    first, second = [await approved(world, payload) for _ in range(2)]
    assert (await world.state(first)).plan_digest == (await world.state(second)).plan_digest
    assert msgspec.structs.asdict(await world.state(first))["plan_digest"].startswith("sha256:")
