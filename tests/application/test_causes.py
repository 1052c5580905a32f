"""Why: from what a worker reports, command by command, back to what a person or a webhook asked for."""

from application.caller import process
from application.webhooks import Delivery, TagPushed
from tests.application.town import BUILT, REPOSITORY
from tests.support.memory_log import Stored


def back(world, topic: str, stream: str = "") -> list[list[str]]:
    """The topics of each command on the way back from the newest fact of this topic; every cause stands before what it led to."""
    at = max(n for n, row in enumerate(world.log.stored) if row.topic == topic and stream in ("", row.stream))
    found, command = [], world.log.stored[at].command
    while command is not None:
        rows = [n for n, row in enumerate(world.log.stored) if row.command == command]
        assert rows, "a cause that is not in the log"
        assert rows[0] <= at, "a cause that does not stand before what it led to"
        at = rows[0]
        found.append([world.log.stored[n].topic for n in rows])
        command = world.log.stored[at].origin.causation
    return found


def last(world, topic: str) -> Stored:
    return [row for row in world.log.stored if row.topic == topic][-1]


async def push(world, tag: str, delivery: str) -> None:
    command = TagPushed(Delivery("github", "push", delivery, REPOSITORY), tag, "c0ffee")
    await world.webhooks.tag_pushed(process("github", delivery), command)


async def test_the_health_check_of_a_pushed_tag_leads_back_to_its_delivery(repeating):
    world = repeating
    env = await world.env()
    await world.app(**BUILT, auto_deploy=[env])
    await push(world, "v1.0.0", "d-1")
    await world.run()
    assert last(world, "task.succeeded").stream.startswith("task_")
    way = back(world, "deployment.succeeded")
    assert [topics[0] for topics in way] == [*["task.succeeded", "task.started"] * 4, "deployment.created", "delivery.received"]
    assert "deployment.succeeded" in way[0]
    assert "version.created" in way[-1]
    assert len({row.origin.correlation for row in world.log.stored if row.stream.startswith(("dep_", "task_", "ver_", "dlv_"))}) == 1


async def test_one_that_waited_leads_back_to_its_own_delivery_and_not_to_whoever_was_before_it(world):
    env = await world.env()
    await world.app(**BUILT, auto_deploy=[env])
    await push(world, "v1.0.0", "d-1")
    await push(world, "v1.1.0", "d-2")
    await world.run()
    first, second = (row for row in world.log.stored if row.topic == "deployment.created")
    assert "deployment.queued" in world.topics(second.stream)
    for created, delivery in ((first, 0), (second, 1)):
        succeeded = next(row for row in world.log.stored if row.stream == created.stream and row.topic == "deployment.succeeded")
        received = [row for row in world.log.stored if row.topic == "delivery.received"][delivery]
        assert succeeded.origin.correlation == received.command
        assert back(world, "deployment.succeeded", created.stream)[-1][0] == "delivery.received"
    assert [topics[0] for topics in back(world, "deployment.succeeded", second.stream)][-3:-2] == ["deployment.started"]


async def test_a_rollback_leads_back_to_the_failure_that_it_answers(world):
    env = await world.env()
    app = await world.app(**BUILT)
    await world.deploy(await world.version(), app, to=env)
    await world.run()
    world.target.fail_next("health_check", "503")
    bad = await world.deploy(await world.version("v2.0.0"), app, to=env)
    await world.run()
    rollback = (await world.deployment(bad)).rollback_id
    way = back(world, "deployment.succeeded", rollback)
    assert any("deployment.failed" in topics for topics in way)
    assert way[-1][0] == "deployment.created"
    assert back(world, "notification.sent")[-1] == way[-1]


async def test_a_deadline_that_passed_leads_back_to_what_it_was_for(world):
    env, app = await world.env(), await world.app(**BUILT)
    world.bench.hold("build")
    id = await world.deploy(await world.version(), app, to=env)
    await world.run(until=lambda: "task.started" in world.topics())
    await world.later(hours=1)
    assert [topics[0] for topics in back(world, "deployment.confirmation_requested", id)][-1] == "deployment.created"
    assert [topics[0] for topics in back(world, "task.timed_out")][:2] == ["task.timed_out", "task.started"]


async def test_who_takes_over_follows_from_who_was_lost(world):
    env, app = await world.env(), await world.app(**BUILT)
    world.bench.hold("build")
    await world.deploy(await world.version(), app, to=env)
    await world.run(until=lambda: "task.started" in world.topics())
    await world.crash()
    world.bench.release("build")
    await world.run()
    assert [topics[0] for topics in back(world, "task.taken_over")] == ["task.taken_over", "task.started", "deployment.created"]
    assert back(world, "deployment.succeeded")[-1][0] == "deployment.created"
