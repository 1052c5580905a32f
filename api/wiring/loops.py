"""The worker role: processes over the log, timers, and the tasks themselves."""

import os
import socket
from dataclasses import dataclass
from typing import Self

from adapters.build.runner import BuildRunner, BuildSettings
from adapters.event_store.checkpoints import Checkpoints
from adapters.event_store.follower import Follower
from adapters.queue.postgres import PostgresQueue
from adapters.runtime import alone as alone_
from adapters.runtime.alone import alone
from adapters.runtime.following import follow_on_loop
from adapters.runtime.process_runner import ProcessRunner
from adapters.runtime.slots import Hands, Slots
from adapters.runtime.supervisor import Supervisor
from adapters.runtime.ticker import Ticker
from adapters.runtime.worker import Worker
from adapters.task_logs import PostgresTaskLogs
from adapters.timers.postgres import PostgresTimers
from api.wiring.core import Core
from api.wiring.people import channels, notifiers
from application.deployments.auto import AutoDeploy
from application.deployments.driving import Driving
from application.lately import Lately
from application.notifications import Notifications
from application.ports.executor import Executor
from application.processes.catalogue import PROCESSES, WAITING
from application.processes.dispatch import Dispatcher
from application.processes.execution import Execution
from application.processes.ringing import Ringing
from application.tasks.reports import Reports

BUILDS = ("build", "test", "custom", "prepare")
TARGETS = ("deploy", "health_check")

SLOTS = 4
"""Attempts side by side in one worker."""
PAUSE = 0.05
"""Seconds after each batch of facts, for processes that nobody waits for: they wait themselves, for the read models."""


@dataclass(frozen=True)
class Crew:
    worker: Worker
    queue: PostgresQueue
    builder: BuildRunner

    @classmethod
    async def start(cls, core: Core, supervisor: Supervisor, public_url: str, at_once: int = SLOTS) -> Self:
        timers, queue = PostgresTimers(core.pool), PostgresQueue(core.hints, core.conninfo)
        driving = Driving(core.house, core.planner)
        told = Notifications(core.house, notifiers(core.settings), channels(core.settings), timers, core.settings.public_url or public_url,
                             core.people)
        dispatcher = Dispatcher(
            queue, PostgresTimers(core.hints), driving, AutoDeploy(core.house, core.planner, core.catalog), core.changes, told, core.erasing)

        def start(name: str, lock: int, *, waiting: bool) -> None:
            chosen = {process: react for process, react in PROCESSES.items() if (process in WAITING) is waiting}
            runner = ProcessRunner(chosen, dispatcher.fulfil, core.hints, name, dispatcher.fulfil_together, PAUSE if waiting else 0.0)
            supervisor.start(name, lambda: alone(core.conninfo, lock, lambda: keep_up(core.conninfo, runner, core.house.lately)))

        name = f"{socket.gethostname()}:{os.getpid()}"
        builder = BuildRunner(core.home.workspaces, core.artifacts, BuildSettings(git_file_roots=core.settings.git_file_roots))
        slots = Slots(at_once)
        execution = Execution(Reports(core.house), executors(core, builder), PostgresTaskLogs(core.pool), core.artifacts, core.secrets, queue, name,
                              aside=slots.aside, hands=Hands(slots, name))
        worker, ticker = Worker(queue, execution, name, slots), Ticker(timers, Ringing(timers, driving, told).ring, core.house.clock)
        start("processes", alone_.PROCESSES, waiting=False)
        start("auto_deploy", alone_.AUTO_DEPLOY, waiting=True)
        supervisor.start("timers", lambda: alone(core.conninfo, alone_.TIMERS, ticker.run))
        supervisor.start("worker", worker.run)
        supervisor.start("checkpoints", Checkpoints(core.pool, core.signer, core.house.clock).run)
        return cls(worker, queue, builder)

    async def drain(self, seconds: float) -> None:
        """Let what runs come to its end, for so long; stop the builds that are left: they are done anew after the next start."""
        try:
            await self.worker.drain(seconds)
        finally:
            await self.builder.close()
            await self.queue.close()


async def keep_up(conninfo: str, runner: ProcessRunner, lately: Lately) -> None:
    """From its stored position on, for ever; what this process appends itself is not read again."""
    position = await runner.load_position()
    try:
        await follow_on_loop(lambda at, stop: Follower(conninfo, at, near=lately.after).batches(stop), position, runner.handle)
    finally:
        await runner.forget()


def executors(core: Core, builder: BuildRunner) -> dict[tuple[str, str], Executor]:
    """Who runs what: (task type, environment type)."""
    table: dict[tuple[str, str], Executor] = {(kind, "*"): builder for kind in BUILDS}
    return table | {(kind, target): deployer for kind in TARGETS for target, deployer in core.deployers.items()}
