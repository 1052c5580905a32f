"""Job type `health_check`: asks the hosts until they are well or the time is over. It changes nothing, so it leaves no receipt."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from adapters.deployers.ssh.connection import Patience, Refused, answer_within, connect
from adapters.deployers.ssh.fleet import each
from adapters.deployers.ssh.order import Order
from adapters.deployers.ssh.remote import run
from adapters.deployers.ssh.settings import Host
from application.ports.executor import Outcome, Terminal, Transient
from application.ports.logs import TaskLog
from domain.event import Json
from domain.task.values import Job

Probe = Callable[[Host], Awaitable[str]]
"""Looks once; returns what is wrong, nothing if all is well."""


@dataclass(frozen=True)
class Checking:
    """`port`: none where the service, or the current release, is looked at instead. Times in seconds."""

    port: int | None
    endpoint: str
    expected_status: int
    timeout: float
    interval: float

    def url(self, host: Host) -> str:
        address = f"[{host.address}]" if ":" in host.address else host.address
        return f"http://{address}:{self.port}{self.endpoint}"


def checking(job: Job) -> Checking:
    """The task's own settings before the application's. Raises Terminal for a value that cannot be meant."""
    own: Json = {**job.application_config, **{name: value for name, value in job.config.items() if value is not None}}
    endpoint = str(own.get("endpoint") or "/health")
    port = own.get("port")
    return Checking(
        port=None if port in (None, "") else int(number("port", port, 1, 65535)),
        endpoint=endpoint if endpoint.startswith("/") else f"/{endpoint}",
        expected_status=int(number("expected_status", own.get("expected_status") or 200, 100, 599)),
        timeout=min(number("timeout", own.get("timeout") or 60, 0.01, 86400), job.timeout),
        interval=number("interval", own.get("interval") or 0.5, 0.01, 3600),
    )


def number(name: str, value: object, least: float, most: float) -> float:
    """A number may also come as a digit string."""
    try:
        found = float(str(value))
    except ValueError:
        found = -1
    if not least <= found <= most or isinstance(value, bool):
        raise Terminal(f"{name} of the health check must be a number from {least:g} to {most:g}, not {value!r}")
    return found


async def check_health(order: Order, log: TaskLog, patience: Patience) -> Outcome:
    """`succeeded` when every host was well; else `failed` with each sick host, what was asked and what it last said."""
    rules = checking(order.receipt.job)
    async with httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=patience.connect) as client:

        async def over_http(host: Host) -> str:
            return await ask(client, rules.url(host), rules.expected_status)

        async def over_ssh(host: Host) -> str:
            return await ask_host(order, host, patience)

        probe = over_ssh if rules.port is None else over_http
        found = await each(order.settings.hosts, lambda host: until_well(host, probe, rules, log))
    return verdict(order, [str(item) for item in found if not isinstance(item, BaseException)], found)


async def until_well(host: Host, probe: Probe, rules: Checking, log: TaskLog) -> str:
    deadline, wrong, said = time.monotonic() + rules.timeout, "no answer", ""
    try:
        async with asyncio.timeout(rules.timeout):
            while wrong := await probe(host):
                if wrong != said:
                    log.line(f"{host.name}: not yet well: {wrong}", "warn")
                    said = wrong
                await asyncio.sleep(min(rules.interval, max(0.0, deadline - time.monotonic())))
    except TimeoutError:
        wrong = f"{said or wrong} (asked for {rules.timeout:g} s)"
    if not wrong:
        log.line(f"{host.name}: well")
    return wrong


async def ask(client: httpx.AsyncClient, url: str, expected: int) -> str:
    """The status is all we read: the body stays where it is."""
    try:
        async with client.stream("GET", url) as response:
            return "" if response.status_code == expected else f"{url} answered {response.status_code}, not {expected}"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"{url}: {str(error) or type(error).__name__}"


async def ask_host(order: Order, host: Host, patience: Patience) -> str:
    """Without a port: the service's state; without a service: is this release the current one?"""
    try:
        async with connect(order.settings, host, patience) as link, answer_within(host.name, patience):
            status = await run(link, ("status",), order.look())
    except (Transient, Refused) as error:
        return str(error).removeprefix(f"{host.name}: ")
    if order.settings.service:
        state = status.get("service")
        return "" if state == "active" else f"the service {order.settings.service} is {state}"
    current = status.get("current").removeprefix("releases/")
    return "" if current == order.release else f"the current release is {current or 'none'}, not {order.release}"


def verdict(order: Order, wrong: list[str], found: list[str | BaseException]) -> Outcome:
    for item in found:
        if isinstance(item, BaseException):
            raise item
    pairs = list(zip((host.name for host in order.settings.hosts), wrong, strict=True))
    result: dict[str, object] = {"hosts": {name: {"state": "failed" if bad else "succeeded", "error": bad} for name, bad in pairs}}
    if sick := [f"{name}: {bad}" for name, bad in pairs if bad]:
        return Outcome("failed", "; ".join(sick), result)
    return Outcome("succeeded", "", result)
