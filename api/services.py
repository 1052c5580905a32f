"""What the doors lead to: everything a request may need, assembled once by the composition root."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client import CollectorRegistry

from api.database import Pool
from api.kept import Kept, ListAnswer, Moving
from api.settings import Settings
from application.applications import Applications
from application.changes import Changes
from application.deployments.commands import Deployments
from application.environments import Environments
from application.ports.audit import AuditFiles
from application.ports.deployer import Deployer
from application.tasks.commands import Tasks
from application.users import Users
from application.versions import Versions
from application.webhooks import Webhooks
from domain.access import Actor
from domain.task.values import Target
from projections.travel.machine import TimeMachine


class Positions(Protocol):
    """How far the read models have come; see `projections.engine.positions`."""

    @property
    def current(self) -> int: ...

    @property
    def connected(self) -> bool: ...

    @property
    def people(self) -> Moving:
        """Whether there was news about users and tokens."""

    async def wait(self, position: int, timeout: float, then: Callable[[], None] | None = None) -> bool: ...


@dataclass(frozen=True)
class Services:
    versions: Versions
    applications: Applications
    environments: Environments
    deployments: Deployments
    tasks: Tasks
    changes: Changes
    users: Users
    webhooks: Webhooks
    pool: Pool
    """For reads, and for the doors' own tables. Its search path has the read models' schema."""
    positions: Positions
    settings: Settings
    deployers: Mapping[str, Deployer]
    """By type of environment."""
    target: Callable[[str], Awaitable[tuple[Target, dict[str, str]]]]
    """An environment's id → the environment as it is now, and its secrets' plain values by dotted name (`environment.ssh_key`).
    Raises NotFound, SecretUnreadable."""
    audit_files: AuditFiles
    past: TimeMachine
    """Answers how things were."""
    status: Callable[[], Mapping[str, str]] = dict
    """By component what is wrong with it just now, `""` where nothing is: the process's own loops, threads and connections."""
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    """What `/metrics` shows."""
    actors: Kept[Actor] = field(default_factory=Kept)
    """Who has just presented which token, by its digest; until there is news about people."""
    lists: Kept[ListAnswer] = field(default_factory=Kept)
    """Lists that have just been answered, by path and query."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server is to end: long answers (SSE, subscriptions) end then."""
