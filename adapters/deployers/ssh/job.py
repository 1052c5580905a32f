"""One job on all its hosts: begun together or not at all, followed to its end, looked at, stopped."""

import asyncio
import time
from dataclasses import dataclass

from adapters.deployers.ssh.connection import Link, Patience, Refused, answer_within, connect
from adapters.deployers.ssh.delivery import deliver, prepare
from adapters.deployers.ssh.fleet import all_of, each, fleet
from adapters.deployers.ssh.order import Order, follow
from adapters.deployers.ssh.outcomes import HostOutcome, combine, of_report, stopped
from adapters.deployers.ssh.output import Lines
from adapters.deployers.ssh.remote import Report, run
from adapters.deployers.ssh.settings import Host
from application.ports.executor import Aborted, Outcome, Terminal, Transient
from application.ports.logs import TaskLog

MARGIN = 3.0  # seconds: the host gives up that much earlier than we do, so that its reason reaches us


@dataclass(frozen=True)
class RemoteJob:
    order: Order
    log: TaskLog
    patience: Patience
    positions: dict[str, int]
    """How far each host's output was read, in bytes; kept by the caller while the job is not over."""

    async def apply(self) -> Outcome:
        timeout = self.order.receipt.job.timeout
        deadline = time.monotonic() + timeout
        try:
            async with asyncio.timeout(timeout), fleet(self.order.settings, self.patience) as links:
                return await self.begin_everywhere(links, deadline)
        except TimeoutError:
            raise Transient(f"no end within {timeout:g} s: what was begun on the hosts goes on there") from None

    async def begin_everywhere(self, links: list[Link], deadline: float) -> Outcome:
        """The package goes to every host before the job begins on one."""
        reports = await all_of(links, lambda link: prepare(link, self.order, self.patience))
        if over := self.over_somewhere(links, reports):
            return over
        parts = await deliver(list(zip(links, reports, strict=True)), self.order, self.log)
        pairs = list(zip(links, parts, strict=True))
        return combine(self.order, await each(pairs, lambda pair: self.begin(*pair, deadline), at_once=len(pairs)), self.names)

    async def observe(self) -> Outcome:
        return combine(self.order, await each(self.order.settings.hosts, self.look), self.names)

    async def abort(self) -> Aborted:
        """Stop it wherever it can be reached, then say what could not be."""
        found = await each(self.order.settings.hosts, self.stop)
        words = "; ".join(item.message if isinstance(item, Aborted) else str(item) for item in found)
        for error in found:
            if isinstance(error, Terminal | Refused):
                raise Terminal(words)
            if isinstance(error, Transient):
                raise Transient(words, error.retry_after)
            if isinstance(error, BaseException):
                raise error
        return Aborted(all(isinstance(item, Aborted) and item.stopped for item in found), words)

    @property
    def names(self) -> list[str]:
        return [host.name for host in self.order.settings.hosts]

    def over_somewhere(self, links: list[Link], reports: list[Report]) -> Outcome | None:
        """A job that ended badly on one host is not begun on others any more."""
        found = [of_report(link.name, report, self.order) for link, report in zip(links, reports, strict=True)]
        bad = any(host.state in ("failed", "interrupted") for host in found)
        return combine(self.order, found, self.names) if bad and any(host.state == "absent" for host in found) else None

    async def begin(self, link: Link, part: str, deadline: float) -> HostOutcome:
        limit = deadline - time.monotonic() - MARGIN
        return await self.follow(link, "begin", self.order.begin(link.host, part, limit) | follow(self.position(link.name)))

    async def look(self, host: Host) -> HostOutcome:
        try:
            async with connect(self.order.settings, host, self.patience) as link, answer_within(link.name, self.patience):
                return await self.follow(link, "", self.order.look() | follow(self.position(host.name), once=True))
        except Refused as error:
            raise Terminal(str(error)) from None

    async def follow(self, link: Link, begin: str, values: dict[str, str]) -> HostOutcome:
        """Read the job's output from where we were, then its report."""
        alone = len(self.names) == 1
        lines = Lines(self.log, "" if alone else f"{link.name}: ", self.position(link.name), resumable=alone)
        try:
            report = await run(link, (begin, "follow") if begin else ("follow",), values, lines)
        finally:
            self.positions[link.name] = lines.position
        outcome = of_report(link.name, report, self.order)
        if outcome.state not in ("absent", "running"):
            lines.end()
            self.positions[link.name] = lines.position
        return outcome

    def position(self, name: str) -> int:
        return self.positions.get(name, self.log.offset if len(self.names) == 1 else 0)

    async def stop(self, host: Host) -> Aborted:
        async with connect(self.order.settings, host, self.patience) as link, answer_within(link.name, self.patience):
            report = await run(link, ("abort",), self.order.look())
        return stopped(of_report(host.name, report, self.order), report.get("note"))
