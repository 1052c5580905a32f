"""The deployer of environments of type `physical`."""

import asyncio

from adapters.deployers.ssh import inspection, settings
from adapters.deployers.ssh.connection import Patience
from adapters.deployers.ssh.fleet import all_of
from adapters.deployers.ssh.health import check_health
from adapters.deployers.ssh.job import RemoteJob
from adapters.deployers.ssh.order import Order, known_key
from adapters.deployers.ssh.settings import Host, Settings
from application.ports.deployer import Check, Health, ServiceStatus
from application.ports.executor import Aborted, Outcome, Receipt, Terminal
from application.ports.logs import TaskLog
from domain.task.values import Target


class SshDeployer:
    """See `application.ports.deployer.Deployer`. Receipts are on the hosts; here is only who reads which output, and how far."""

    def __init__(self, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._positions: dict[str, dict[str, int]] = {}
        self._checks: dict[str, asyncio.Task[Outcome]] = {}

    def needs(self, target: Target) -> tuple[str, ...]:
        return settings.missing(target)

    async def apply(self, receipt: Receipt, log: TaskLog) -> Outcome:
        order = self._order(receipt)
        if receipt.job.type == "health_check":
            return await self._check_health(order, log)
        try:
            outcome = await self._job(order, log).apply()
        except Terminal:
            self._positions.pop(receipt.key, None)
            raise
        self._positions.pop(receipt.key, None)
        return outcome

    async def observe(self, receipt: Receipt, log: TaskLog) -> Outcome:
        order = self._order(receipt)
        if receipt.job.type == "health_check":
            return Outcome("running" if receipt.key in self._checks else "absent")
        outcome = await self._job(order, log).observe()
        if outcome.state in ("succeeded", "failed", "interrupted"):
            self._positions.pop(receipt.key, None)
        return outcome

    async def abort(self, receipt: Receipt, log: TaskLog) -> Aborted:
        order = self._order(receipt)
        if receipt.job.type != "health_check":
            done = await RemoteJob(order, log, self._patience, {}).abort()
            log.line(done.message, "info" if done.stopped else "warn")
            return done
        if running := self._checks.get(receipt.key):
            running.cancel()
            return Aborted(True, "the health check is stopped")
        return Aborted(True, "a health check runs nothing on the hosts")

    async def check(self, target: Target, secrets: dict[str, str]) -> Health:
        if lacking := settings.missing(target):
            message = f"missing: {', '.join(lacking)}"
            return Health(False, message, (Check("settings", "failed", message),))
        try:
            return inspection.health(await self._seen(settings.read(target, secrets)))
        except Terminal as error:
            return Health(False, str(error), (Check("settings", "failed", str(error)),))

    async def services(self, target: Target, secrets: dict[str, str]) -> tuple[ServiceStatus, ...]:
        read = settings.read(target, secrets)
        return tuple(inspection.service_of(one, read) for one in await self._seen(read))

    async def _seen(self, read: Settings) -> list[inspection.Seen]:
        async def look(host: Host) -> inspection.Seen:
            return await inspection.look(read, host, self._patience)

        return await all_of(read.hosts, look)

    async def _check_health(self, order: Order, log: TaskLog) -> Outcome:
        key = order.receipt.key
        running = self._checks.get(key)
        if running is None:
            running = self._checks[key] = asyncio.create_task(check_health(order, log, self._patience))
            running.add_done_callback(lambda _: self._checks.pop(key, None))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            if running.cancelled():
                return Outcome("failed", "aborted: the health check was stopped", {"aborted": True})
            running.cancel()
            raise

    def _order(self, receipt: Receipt) -> Order:
        if receipt.job.type not in ("deploy", "health_check"):
            raise Terminal(f"a physical environment cannot do tasks of type {receipt.job.type}")
        known_key(receipt)
        return Order(receipt, settings.read(receipt.job.target, receipt.secrets))

    def _job(self, order: Order, log: TaskLog) -> RemoteJob:
        return RemoteJob(order, log, self._patience, self._positions.setdefault(order.receipt.key, {}))
