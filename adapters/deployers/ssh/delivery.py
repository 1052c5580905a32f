"""The package on its way to the hosts: only to those that lack it, and looked at when it has arrived."""

import hashlib
import uuid
from collections.abc import Sequence
from pathlib import Path

from adapters.deployers.ssh.connection import Link, Patience, answer_within
from adapters.deployers.ssh.fleet import all_of
from adapters.deployers.ssh.order import Order, package
from adapters.deployers.ssh.remote import Report, run, upload
from application.ports.executor import Terminal, Transient
from application.ports.logs import TaskLog
from domain.task.values import Artifact


async def prepare(link: Link, order: Order, patience: Patience) -> Report:
    """Is the host fit, is the key new, is the package there? Raises Refused with the host's reason."""
    async with answer_within(link.name, patience):
        return await run(link, ("prepare",), order.look())


async def deliver(hosts: Sequence[tuple[Link, Report]], order: Order, log: TaskLog) -> list[str]:
    """For each host the name its package arrived under, or nothing where it is there already. Raises Terminal or Transient."""
    if any(report.get("state") == "absent" for _, report in hosts):
        package(order.receipt)

    async def send(host: tuple[Link, Report]) -> str:
        link, report = host
        if report.get("state") != "absent" or report.get("have") == "yes":
            return ""
        artifact, path = package(order.receipt)
        log.line(f"{link.name}: uploading {artifact.name} ({artifact.size} bytes)")
        part, sent = order.part(uuid.uuid4().hex), hashlib.sha256()
        arrived = await upload(link, path, part, sent.update)
        verify(link, path, artifact, sent.hexdigest(), arrived)
        return part

    return await all_of(hosts, send)


def verify(link: Link, path: Path, artifact: Artifact, sent: str, arrived: str) -> None:
    if sent != artifact.digest.removeprefix("sha256:"):
        raise Terminal(f"the package {path.name} in the store does not match its digest {artifact.digest}: nothing was begun")
    if arrived != sent:
        raise Transient(f"{link.name}: the package was damaged on its way")
