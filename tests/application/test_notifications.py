"""Telling people: the intent first, then the message, then the outcome; again after a failure, and honestly after a crash."""

import asyncio
from datetime import timedelta

import pytest

from application.notifications import Channel, Notifications
from application.ports.notifier import DeliveryFailed
from application.ports.timers import Timer
from domain.notification.events import NotificationFailed, NotificationSent
from tests.application.fakes import Letters
from tests.application.world import World


@pytest.fixture
async def asked(repeating: World):
    """A world in which a deployment is about to fail, so that people will be told."""
    await repeating.deploy(await repeating.version(), await repeating.app(), to=await repeating.env())
    repeating.target.fail_next("deploy", "disk full")
    return repeating


def ends(world):
    return [event for event in world.facts() if isinstance(event, NotificationSent | NotificationFailed)]


async def test_a_message_says_what_happened_where_and_where_to_look(asked):
    await asked.run()
    message = asked.letters.sent[0]
    assert (message.destination, message.subject) == ("ops", "[critical] deploy failed: v1.0.0 in prod")
    assert message.text.splitlines() == [
        "Deploy shop: disk full; the version before is being put back", "", "Deployment dep_0001", "http://tiangong/api/v1/deployments/dep_0001"]
    assert [(event.receipt, event.tries, event.possibly_repeated) for event in ends(asked)] == [("letter 1", 1, False), ("letter 2", 1, False)]
    await asked.must_be_tidy()


async def test_what_could_not_be_sent_is_sent_later_and_later(asked):
    asked.letters.troubles.extend(DeliveryFailed("busy", final=False) for _ in range(4))
    await asked.run()
    assert asked.letters.sent == []
    await asked.later(seconds=5)
    await asked.later(seconds=4)
    await asked.later(seconds=100)
    assert len(asked.letters.sent) == 2
    assert max(event.tries for event in ends(asked)) > 1
    await asked.must_be_tidy()


async def test_what_is_refused_for_good_is_given_up(asked):
    asked.letters.troubles.extend(DeliveryFailed("no such address", final=True) for _ in range(2))
    await asked.run()
    assert [(type(event), event.error, event.tries) for event in ends(asked)] == [(NotificationFailed, "no such address", 1)] * 2
    await asked.must_be_tidy()


async def test_after_eight_tries_it_is_given_up(asked):
    asked.letters.troubles.extend(DeliveryFailed("busy", final=False) for _ in range(100))
    await asked.run()
    for _ in range(12):
        await asked.later(minutes=11)
    assert [(type(event), event.tries) for event in ends(asked)] == [(NotificationFailed, 8)] * 2
    assert 100 - len(asked.letters.troubles) == 16
    await asked.must_be_tidy()


class Cut(Letters):
    """The first message goes out, and the process dies before it can say so."""

    async def send(self, message):
        receipt = await super().send(message)
        if len(self.sent) == 1:
            raise asyncio.CancelledError
        return receipt


async def test_a_message_that_may_have_been_sent_is_sent_again_and_marked():
    world = World()
    world.letters = Cut()
    world._assemble()
    await world.deploy(await world.version(), await world.app(), to=await world.env())
    world.target.fail_next("deploy", "disk full")
    with pytest.raises(asyncio.CancelledError):
        await world.run()
    await world.later(minutes=3)
    assert [message.id for message in world.letters.sent].count("ntf_0001") == 2
    assert [(event.stream, event.tries, event.possibly_repeated) for event in ends(world)][-1] == ("ntf_0001", 2, True)
    await world.must_be_tidy()
    await world.close()


async def test_a_channel_that_is_gone_ends_what_was_meant_for_it(world):
    old = Notifications(world.house, {}, [Channel("pigeons", "ops")], world.timers, "", world.people)
    world.ringing = type(world.ringing)(world.timers, world.driving, old)
    world.dispatcher = type(world.dispatcher)(**{**vars(world.dispatcher), "notifications": old})
    await world.deploy(await world.version(), await world.app(), to=await world.env())
    world.target.fail_next("deploy", "disk full")
    await world.run()
    assert {event.error for event in ends(world)} == {"there is no channel pigeons any more"}
    await world.must_be_tidy()


async def test_a_timer_that_rings_late_for_what_was_sent_is_put_away(asked):
    await asked.run()
    await asked.timers.set(Timer("ntf_0001/delivery", "ntf_0001", "delivery", asked.now - timedelta(seconds=1)))
    before = asked.log.position
    await asked.run()
    assert (asked.log.position, asked.timers.of("ntf_0001")) == (before, [])


async def test_a_reminder_that_crosses_the_end_is_put_away(asked):
    await asked.run()
    sent = len(asked.letters.sent)
    for stream in ("dep_0001", "task_0001", "dep_gone"):
        await asked.timers.set(Timer(f"{stream}/reminder", stream, "reminder", asked.now))
    await asked.run()
    assert (len(asked.letters.sent), asked.timers.live) == (sent, {})


async def test_a_deadline_of_what_the_log_does_not_know_is_put_away(world):
    for stream in ("dep_gone", "task_gone", "ntf_gone"):
        for kind in ("deadline", "reminder", "delivery"):
            await world.timers.set(Timer(f"{stream}/{kind}", stream, kind, world.now))
    await world.run()
    assert world.timers.live == {}


async def test_a_task_is_reminded_of_by_its_deployment(world):
    await world.deploy(await world.version(), await world.app(), to=await world.env())
    await world.react()  # released, and no worker comes
    world.now += (await world.timers.next_due()) - world.now  # the deployment's deadline
    await world._ring()
    world.now += next(t for t in world.timers.live.values() if t.id == "task_0001/reminder").due - world.now
    await world._ring()
    await world.react()
    asked = [event for event in world.facts() if event.TOPIC == "notification.requested" and event.rule == "still_waiting"]
    assert ("dep_0001", "task_0001") in {(event.deployment_id, event.task_id) for event in asked}
