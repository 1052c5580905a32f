"""The port to a target (S2's `Deployer`): an executor that can also say how the target is."""

from dataclasses import dataclass
from typing import Protocol

from application.ports.executor import Executor
from domain.task.values import Target


@dataclass(frozen=True)
class Check:
    """S2's `HealthCheck`: `status` is `ok` or `failed`."""

    name: str
    status: str
    message: str


@dataclass(frozen=True)
class HostKey:
    """A host's public key as it was offered, and whether the environment's `known_hosts` has it pinned."""

    host: str
    fingerprint: str
    line: str
    """The OpenSSH `known_hosts` line that would pin it."""
    pinned: bool


@dataclass(frozen=True)
class Health:
    healthy: bool
    message: str
    checks: tuple[Check, ...] = ()
    host_keys: tuple[HostKey, ...] = ()


@dataclass(frozen=True)
class ServiceStatus:
    """S2's `ServiceStatus`; `status` tells the release that is current and, where there is a service, its state."""

    host: str
    running: bool
    status: str
    pid: int | None = None
    uptime: str = ""


class Deployer(Executor, Protocol):
    """Jobs of type `deploy` change the target; jobs of type `health_check` only ask it."""

    def needs(self, target: Target) -> tuple[str, ...]:
        """Names of settings that this target lacks and a deployment needs."""

    async def check(self, target: Target, secrets: dict[str, str]) -> Health:
        """Can the target be reached and is it as its settings say? Never raises for what it finds: that is the answer."""

    async def services(self, target: Target, secrets: dict[str, str]) -> tuple[ServiceStatus, ...]:
        """What runs there now, host by host; an unreachable host is a row that says so."""
