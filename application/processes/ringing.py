"""A timer has come due: who is called. Whoever it is knows what is already over, so a timer may ring twice."""

from dataclasses import dataclass
from datetime import datetime

from application.caller import Caller, process
from application.deployments.driving import Driving
from application.notifications import Notifications
from application.ports.timers import Timer, Timers
from application.processes.deadlines import DEADLINE, DELIVERY, REMIND_AFTER, REMINDER
from application.processes.wishes import Notify
from domain.errors import NotFound


@dataclass(frozen=True)
class Ringing:
    """A deadline's timer is cancelled by the fact that it leads to, not here: in between somebody may have moved it. Where there is
    nothing left that a timer could be for, it is put away: it would ring for ever, and so many would keep others from ringing."""

    timers: Timers
    driving: Driving
    notifications: Notifications

    async def ring(self, timer: Timer, now: datetime) -> None:
        try:
            await self._ring(timer, now)
        except NotFound:  # the log does not know it: a leftover of another database
            await self.timers.cancel(timer.id)

    async def _ring(self, timer: Timer, now: datetime) -> None:
        cause = await self.driving.cause(timer.stream)
        caller = process("timer", f"{timer.id}/{timer.due.isoformat()}/{timer.tries}").following(cause)
        if timer.kind == DELIVERY:
            await self.notifications.deliver(caller, timer)
        elif timer.kind == REMINDER:
            await self._remind(process("timer", f"{timer.id}/{timer.due.isoformat()}").following(cause), timer, now)
        elif timer.kind == DEADLINE:
            await self._pass_deadline(caller, timer)

    async def _pass_deadline(self, caller: Caller, timer: Timer) -> None:
        passing = self.driving.pass_task_deadline if timer.stream.startswith("task_") else self.driving.pass_deadline
        done = await passing(caller, timer.stream, timer.due)
        if not done.events and not await self.driving.is_open(timer.stream):
            await self.timers.cancel(timer.id)

    async def _remind(self, caller: Caller, timer: Timer, now: datetime) -> None:
        """Still unfinished after a day: tell people, and ring again tomorrow. What is over by now (its end crossed our path) rings no more."""
        if not await self.driving.is_open(timer.stream):
            await self.timers.cancel(timer.id)
            return
        task = timer.stream if timer.stream.startswith("task_") else ""
        wish = Notify("still_waiting", "warning", "" if task else timer.stream, task, "it has been waiting for a day: confirm, start or cancel it")
        await self.notifications.notify(caller, wish)
        await self.timers.set(Timer(timer.id, timer.stream, timer.kind, now + REMIND_AFTER))
