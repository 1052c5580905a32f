"""A command has an id: the same call again answers the same and stores nothing, whatever happened in between; and rivals lose politely."""

import asyncio
from uuid import UUID

import pytest

from application.applications import ChangeApplication, CreateApplication
from application.changes import CreateChange
from application.deployments.create import CreateDeployment
from application.environments import ChangeEnvironment, CreateEnvironment
from application.house import TRIES
from application.ports.log import NOTHING, Conflict, IdReused, LogUnavailable
from application.users import CreateUser
from application.versions import CreateVersion
from application.webhooks import Delivery, TagPushed
from domain.errors import Refused
from domain.name.events import NameClaimed
from domain.name.model import stream_of
from tests.application.town import REPOSITORY
from tests.application.world import World
from tests.support.given import ANN, NOON
from tests.support.memory_log import MemoryLog

DELIVERY = Delivery("github", "push", "d1", REPOSITORY)


@pytest.fixture
async def ground(world: World) -> World:
    """One of each: ver_0001, app_0001, env_0001, dep_0001 (waits to be started), dep_0002 (asks), chg_0001 (draft), usr_0001, tok_0001."""
    await world.version()
    await world.app(build_command="make")
    await world.env()
    for more in ({"auto_start": False}, {"manual_approval": True}):
        await world.deploy("ver_0001", "app_0001", to="env_0001", **more)
    await world.changes.create(world.by("developer"), CreateChange("t", "rollback", {"deployment_id": "dep_0001"}))
    await world.users.issue_token(world.by(), (await world.users.create(world.by(), CreateUser("ann"))).id, "ci")
    return world


CALLS = {  # each twice: the same, and something else under the same id
    "create version": (lambda w, c: w.versions.create(c, CreateVersion("v2", "c", "r")),
                       lambda w, c: w.versions.create(c, CreateVersion("v3", "c", "r"))),
    "create application": (lambda w, c: w.applications.create(c, CreateApplication("a", "r", "t", {})),
                           lambda w, c: w.applications.create(c, CreateApplication("b", "r", "t", {}))),
    "change application": (lambda w, c: w.applications.change(c, ChangeApplication("app_0001", "x")),
                           lambda w, c: w.applications.change(c, ChangeApplication("app_0001", "y"))),
    "create environment": (lambda w, c: w.environments.create(c, CreateEnvironment("e", "memory", {})),
                           lambda w, c: w.environments.create(c, CreateEnvironment("f", "memory", {}))),
    "change environment": (lambda w, c: w.environments.change(c, ChangeEnvironment("env_0001", "x")),
                           lambda w, c: w.environments.change(c, ChangeEnvironment("env_0001", "y"))),
    "create deployment": (lambda w, c: w.deployments.create(c, CreateDeployment("ver_0001", ("app_0001",), "env_0001")),
                          lambda w, c: w.deployments.create(c, CreateDeployment("ver_0001", ("app_0001",), "env_0001", auto_start=False))),
    "execute": (lambda w, c: w.deployments.execute(c, "dep_0001"), lambda w, c: w.deployments.cancel(c, "dep_0001")),
    "cancel": (lambda w, c: w.deployments.cancel(c, "dep_0001", "a"), lambda w, c: w.deployments.cancel(c, "dep_0001", "b")),
    "confirm": (lambda w, c: w.deployments.confirm(c, "dep_0002", "continue", "a"),
                lambda w, c: w.deployments.confirm(c, "dep_0002", "rollback", "a")),
    "create change": (lambda w, c: w.changes.create(c, CreateChange("t", "rollback", {"deployment_id": "a"})),
                      lambda w, c: w.changes.create(c, CreateChange("u", "rollback", {"deployment_id": "a"}))),
    "cancel change": (lambda w, c: w.changes.cancel(c, "chg_0001", "a"), lambda w, c: w.changes.cancel(c, "chg_0001", "b")),
    "create user": (lambda w, c: w.users.create(c, CreateUser("bob")), lambda w, c: w.users.create(c, CreateUser("eve"))),
    "revoke token": (lambda w, c: w.users.revoke_token(c, "tok_0001", "a"), lambda w, c: w.users.revoke_token(c, "tok_0001", "b")),
    "delete version": (lambda w, c: w.versions.delete(c, "ver_0001"), lambda w, c: w.versions.delete(c, "ver_0002")),
}
DELETABLE = {"delete version"}


async def prepared(world, name):
    if name in DELETABLE:
        for id in ("dep_0001", "dep_0002"):
            await world.deployments.cancel(world.by(), id)


@pytest.mark.parametrize("name", CALLS)
async def test_the_same_call_again_answers_the_same_and_stores_nothing(ground, name):
    await prepared(ground, name)
    first = await CALLS[name][0](ground, ground.by(idempotency_key="k"))
    before = ground.log.position
    again = await CALLS[name][0](ground, ground.by(idempotency_key="k"))
    assert (again.id, again.position, again.events, again.repeated) == (first.id, first.position, first.events, True)
    assert ground.log.position == before


@pytest.mark.parametrize("name", CALLS)
async def test_the_same_id_for_another_content_is_refused(ground, name):
    await prepared(ground, name)
    await CALLS[name][0](ground, ground.by(idempotency_key="k"))
    before = ground.log.position
    with pytest.raises(IdReused):
        await CALLS[name][1](ground, ground.by(idempotency_key="k"))
    assert ground.log.position == before


async def test_two_people_may_choose_the_same_key(ground):
    one = await ground.versions.create(ground.by(name="ann", idempotency_key="k"), CreateVersion("v2", "c", "r"))
    other = await ground.versions.create(ground.by(name="bob", idempotency_key="k"), CreateVersion("v3", "c", "r"))
    assert one.id != other.id


async def test_without_a_key_the_same_call_is_another_call(ground):
    for reason in ("a", "a"):
        await ground.app(f"app {ground.log.position} {reason}")
    with pytest.raises(Refused):
        await ground.env("prod")


async def test_a_task_command_repeated_answers_with_the_task(ground):
    await ground.deployments.execute(ground.by(), "dep_0001")
    build = await ground.task_id("dep_0001", "build")
    answers = [await ground.tasks.cancel(ground.by(idempotency_key="k"), "dep_0001", build, "no") for _ in range(2)]
    assert [answer.id for answer in answers] == [build, build]
    answers = [await ground.tasks.retry(ground.by(idempotency_key="r"), "dep_0001", build) for _ in range(2)]
    assert [(answer.id, answer.repeated) for answer in answers] == [(build, False), (build, True)]


async def test_a_refusal_is_not_remembered(ground):
    with pytest.raises(Refused):
        await ground.deployments.retry(ground.by(idempotency_key="k"), "dep_0001")
    await ground.deployments.cancel(ground.by(idempotency_key="k"), "dep_0001")


async def test_a_secret_is_no_part_of_what_is_compared_so_that_nobody_can_guess_it(ground):
    first = await ground.applications.create(ground.by(idempotency_key="k"), CreateApplication("p", "r", "t", {"git_token": "one"}))
    again = await ground.applications.create(ground.by(idempotency_key="k"), CreateApplication("p", "r", "t", {"git_token": "two"}))
    assert again.id == first.id


class TroubledLog(MemoryLog):
    """Does what a test prepared before (`rivals`) or after (`lost`) the next appends."""

    def __init__(self) -> None:
        super().__init__()
        self.rivals = 0
        self.lost = 0

    async def append(self, events, command, origin, request=b"", seen=NOTHING):
        if self.rivals:
            self.rivals -= 1
            raise Conflict("somebody was faster")
        done = await super().append(events, command, origin, request, seen)
        if self.lost:
            self.lost -= 1
            raise LogUnavailable("the answer was lost")
        return done


@pytest.fixture
async def troubled():
    world = World(TroubledLog())
    yield world
    await world.close()


async def test_who_was_overtaken_decides_again(troubled):
    troubled.log.rivals = TRIES - 1
    assert await troubled.version() in troubled.log.streams


async def test_who_is_overtaken_for_ever_is_told_so(troubled):
    troubled.log.rivals = TRIES
    with pytest.raises(Refused, match="try again"):
        await troubled.version()
    assert troubled.log.position == 0


async def test_who_decides_again_decides_on_what_is_so_now(troubled):
    """The rival took the name: after the conflict that is a refusal, not a second try to store it."""
    stream = stream_of("environment", "prod")

    async def faster(events, command, origin, request=b"", seen=NOTHING):
        troubled.log.append = original
        rival = NameClaimed(stream=stream, version=1, at=NOON, by=ANN, kind="environment", name="prod", owner="env_of_rival")
        await original([rival], UUID(int=1), origin)
        return await original(events, command, origin, request, seen)

    original, troubled.log.append = troubled.log.append, faster
    with pytest.raises(Refused, match="env_of_rival"):
        await troubled.env()


async def test_an_answer_that_was_lost_is_found_by_asking_again(troubled):
    troubled.log.lost = 1
    caller = troubled.by(idempotency_key="k")
    with pytest.raises(LogUnavailable):
        await troubled.versions.create(caller, CreateVersion("v1", "c", "r"))
    done = await troubled.versions.create(caller, CreateVersion("v1", "c", "r"))
    assert (done.repeated, done.position) == (True, 2)


async def test_a_workers_outcome_is_reported_until_the_log_takes_it(troubled):
    app, env = await troubled.app(build_command="make"), await troubled.env()
    troubled.bench.hold("build")
    id = await troubled.deploy(await troubled.version(), app, to=env)
    await troubled.run(until=lambda: "build shop" in troubled.logs.text("task_0001"))
    troubled.log.lost = 1
    troubled.bench.release("build")
    await troubled.run()
    assert await troubled.phase(id) == "success"
    assert troubled.topics("task_0001").count("task.succeeded") == 1


async def test_many_at_once_on_one_stream_all_come_through(world):
    id = await world.env()
    caller = world.by("operator")
    await asyncio.gather(*(world.environments.check(world.by("operator"), id) for _ in range(10)))
    assert world.topics(id).count("environment.observed") == 10
    assert caller.command != world.by("operator").command


async def test_a_delivery_that_comes_twice_is_one(world):
    caller = world.by("system", idempotency_key="github/d1")
    first = await world.webhooks.tag_pushed(caller, TagPushed(DELIVERY, "v1", "c0ffee"))
    again = await world.webhooks.tag_pushed(caller, TagPushed(DELIVERY, "v1", "c0ffee"))
    assert (again.id, again.repeated) == (first.id, True)
    assert world.topics() == ["delivery.received", "version.created", "name.claimed"]
