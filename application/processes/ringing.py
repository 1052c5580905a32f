"""A timer has come due: who is called. Whoever it is knows what is already over, so a timer may ring twice."""

from dataclasses import dataclass
from datetime import datetime

from application.caller import process
from application.deployments.driving import Driving
from application.notifications import Notifications
from application.ports.timers import Timer, Timers
from application.processes.deadlines import DEADLINE, DELIVERY, REMIND_AFTER, REMINDER
from application.processes.wishes import Notify


@dataclass(frozen=True)
class Ringing:
    """A deadline's timer is cancelled by the fact that it leads to, not here: in between somebody may have moved it."""

    timers: Timers
    driving: Driving
    notifications: Notifications

    async def ring(self, timer: Timer, now: datetime) -> None:
        caller = process("timer", f"{timer.id}/{timer.due.isoformat()}/{timer.tries}")
        if timer.kind == DELIVERY:
            await self.notifications.deliver(caller, timer)
        elif timer.kind == REMINDER:
            await self._remind(timer, now)
        elif timer.kind == DEADLINE and timer.stream.startswith("task_"):
            await self.driving.pass_task_deadline(caller, timer.stream, timer.due)
        elif timer.kind == DEADLINE:
            await self.driving.pass_deadline(caller, timer.stream, timer.due)

    async def _remind(self, timer: Timer, now: datetime) -> None:
        """Still unfinished after a day: tell people, and ring again tomorrow. What is over by now (its end crossed our path) rings no more."""
        if not await self.driving.is_open(timer.stream):
            await self.timers.cancel(timer.id)
            return
        task = timer.stream if timer.stream.startswith("task_") else ""
        wish = Notify("still_waiting", "warning", "" if task else timer.stream, task, "it has been waiting for a day: confirm, start or cancel it")
        await self.notifications.notify(process("timer", f"{timer.id}/{timer.due.isoformat()}"), wish)
        await self.timers.set(Timer(timer.id, timer.stream, timer.kind, now + REMIND_AFTER))
