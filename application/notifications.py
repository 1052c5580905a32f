"""Telling people: the intent is stored first, then the message is sent, then the outcome is stored.

A delivery's timer remembers the tries: `tries // 2` have been begun, and an odd number says that the end of one of them is not known,
so that the message may have come already.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from application.caller import Caller
from application.house import Done, House
from application.ports.notifier import DeliveryFailed, Message, Notifier
from application.ports.people import People
from application.ports.timers import Timer, Timers
from application.processes.deadlines import DELIVERY
from application.processes.wishes import Notify
from application.work import Work
from domain.access import require
from domain.notification.events import NotificationRequested
from domain.personal import FORGOTTEN

GIVE_UP = 8
"""Tries: after 5 s, 10 s, 20 s, … about 10 minutes in all."""
FIRST_PAUSE = 5.0
IN_FLIGHT = timedelta(minutes=2)
"""After so long a try without an end has none: its process is gone."""


@dataclass(frozen=True)
class Channel:
    """Where messages go: a notifier's channel, and a destination on it."""

    name: str
    destination: str


class Notifications:
    def __init__(self, house: House, notifiers: Mapping[str, Notifier], channels: Sequence[Channel], timers: Timers, public_url: str,
                 people: People) -> None:
        self._house, self._notifiers, self._channels, self._timers, self._url = house, notifiers, channels, timers, public_url
        self._people = people

    async def notify(self, caller: Caller, wish: Notify) -> list[Done]:
        """One notification for each channel, each an append of its own."""
        return [await self._request(caller, wish, channel) for channel in self._channels]

    async def _request(self, caller: Caller, wish: Notify, channel: Channel) -> Done:
        """The command's id follows from the addressee's id, not from the address: from that the address could be guessed."""
        require(caller.actor, "notification:send")
        addressee = await self._people.addressee(channel.destination) if "@" in channel.destination else ""

        async def act(work: Work) -> str:
            deployment = wish.deployment or (await work.task(wish.task)).job.deployment_id
            d = await work.deployment(deployment)
            subject = f"[{wish.severity}] {wish.rule.replace('_', ' ')}: {d.plan.source.git_tag or 'several versions'} in {d.plan.target.name}"
            text = f"{wish.message}\n\nDeployment {deployment}\n{self._url}/api/v1/deployments/{deployment}"
            id = self._house.new_id("ntf")
            work.record(NotificationRequested(
                stream=id, version=1, at=self._house.clock(), by=caller.actor.id, rule=wish.rule, severity=wish.severity, channel=channel.name,
                destination=channel.destination, deployment_id=deployment, task_id=wish.task, subject=subject, text=text,
                addressee=addressee))
            return id

        return await self._house.run(caller.step(f"{channel.name}/{addressee or channel.destination}"), "notification:send", act)

    async def deliver(self, caller: Caller, timer: Timer) -> Done | None:
        """Send what a timer calls for. None: it failed and is tried again later, or has been sent before."""
        require(caller.actor, "notification:send")
        found = await Work(self._house.log, self._house.cache).notification(timer.stream)
        if found.ended:
            await self._timers.cancel(timer.id)
            return None
        request = found.request
        if request.destination == FORGOTTEN:
            return await self._end(caller, timer, "failed", error="whoever was to be told is forgotten", tries=0)
        notifier = self._notifiers.get(request.channel)
        if notifier is None:
            return await self._end(caller, timer, "failed", error=f"there is no channel {request.channel} any more", tries=0)
        tries, in_doubt = timer.tries // 2 + 1, timer.tries % 2 == 1
        if tries > GIVE_UP:
            return await self._end(caller, timer, "failed", error=f"no end is known of any of {GIVE_UP} tries", tries=GIVE_UP)
        await self._timers.set(Timer(timer.id, timer.stream, DELIVERY, self._house.clock() + IN_FLIGHT, tries=2 * tries + 1))
        try:
            receipt = await notifier.send(Message(timer.stream, request.destination, request.subject, request.text))
        except DeliveryFailed as error:
            if not error.final and tries < GIVE_UP:
                await self._later(timer, tries, in_doubt)
                return None
            return await self._end(caller, timer, f"failed/{tries}", error=str(error) or "refused, and nothing was said", tries=tries)
        return await self._end(caller, timer, "sent", receipt=receipt, tries=tries, in_doubt=in_doubt)

    async def _later(self, timer: Timer, tries: int, in_doubt: bool) -> None:
        due: datetime = self._house.clock() + timedelta(seconds=FIRST_PAUSE * 2 ** (tries - 1))
        await self._timers.set(Timer(timer.id, timer.stream, DELIVERY, due, tries=2 * tries + in_doubt))

    async def _end(self, caller: Caller, timer: Timer, what: str, *, tries: int, error: str = "", receipt: str = "", in_doubt: bool = False) -> Done:
        async def act(work: Work) -> str:
            found, at, by = await work.notification(timer.stream), self._house.clock(), caller.actor.id
            said = without(found.request.destination, error or receipt) if found.request.addressee else error or receipt
            events = found.failed(said, tries, at=at, by=by) if error else found.sent(said, tries, possibly_repeated=in_doubt, at=at, by=by)
            work.record(*events)
            return timer.stream

        return await self._house.run(caller.step(f"{timer.stream}/{what}"), "notification:send", act)


def without(address: str, text: str) -> str:
    """What a mail server said, without the address that it repeats."""
    return re.sub(re.escape(address), "the addressee", text, flags=re.IGNORECASE)
