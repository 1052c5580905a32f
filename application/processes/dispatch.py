"""Wishes come true: each kind goes to one command handler or port."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from application.caller import Caller
from application.changes import Changes
from application.deployments.auto import AutoDeploy
from application.deployments.driving import Driving
from application.erasing import Erasing
from application.notifications import Notifications
from application.ports.queue import Queue
from application.ports.timers import Timer, Timers
from application.processes.standing import Folded
from application.processes.wishes import (
    AdmitNext,
    CancelTimer,
    DeployVersion,
    Erase,
    FinishChange,
    HoldTask,
    Notify,
    OfferTask,
    PutBack,
    SetTimer,
    Standing,
    SweepAnswers,
    Wish,
    WithdrawTask,
)
from domain.recorded import Cause


@dataclass(frozen=True)
class Dispatcher:
    queue: Queue
    timers: Timers
    driving: Driving
    auto_deploy: AutoDeploy
    changes: Changes
    notifications: Notifications
    erasing: Erasing

    async def fulfil(self, wish: Wish, caller: Caller, position: int) -> None:
        """`position`: where the fact stands that led to the wish. The same wish again changes nothing."""
        match wish:
            case OfferTask():
                await self.queue.put(wish.task, wish.attempt, Cause(caller.causation, caller.correlation) if caller.causation else None)
            case HoldTask():  # alone it says nothing new: see `Folded`
                return
            case WithdrawTask():
                await self.queue.withdraw(wish.task, wish.attempt)
            case SetTimer():
                await self.timers.set(Timer(wish.id, wish.stream, wish.kind, wish.due))
            case CancelTimer():
                await self.timers.cancel(wish.id)
            case AdmitNext():
                await self.driving.admit(caller, wish.environment)
            case PutBack():
                await self.driving.roll_back(caller, wish.deployment)
            case FinishChange():
                await self.changes.finish(caller, wish.deployment)
            case DeployVersion():
                await self.auto_deploy.deploy(caller, wish.version, position)
            case Notify():
                await self.notifications.notify(caller, wish)
            case Erase():
                await self.erasing.erase(wish.ids)
            case SweepAnswers():
                await self.erasing.sweep(position)
            case _:
                assert_never(wish)

    async def fulfil_together(self, wishes: Sequence[tuple[Standing, Cause]]) -> None:
        await Folded(wishes).fulfil(self.queue, self.timers)
