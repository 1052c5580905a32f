"""What the HTTP doors lead to."""

import asyncio
from collections.abc import Mapping

from adapters.event_store.files import PostgresAuditFiles
from adapters.runtime.supervisor import Supervisor
from api.services import Services
from api.wiring.core import Core
from application.work import Work
from domain.config import references
from domain.task.values import Target


def in_short(trouble: str) -> str:
    """What anybody may read of an error: its kind. Its words are in the server's output: they may name hosts and users."""
    return f"{trouble.partition(':')[0]}, see the server's output" if trouble else ""


def services(core: Core, supervisor: Supervisor, stopping: asyncio.Event) -> Services:
    async def target(environment: str) -> tuple[Target, dict[str, str]]:
        env = await Work(core.house.log, core.house.cache).environment(environment)
        secrets = {f"environment.{key}": await core.secrets.get(reference) for key, reference in references(env.config).items()}
        return Target(environment_id=env.id, name=env.name, type=env.type, config=env.config), secrets

    def status() -> Mapping[str, str]:
        away = {"positions": "the connection that listens for the read models is broken"} if core.positions.lost else {}
        failing = {name: in_short(loop.trouble) for name, loop in supervisor.loops.items()}
        return failing | {"log": "cannot be written just now" if core.log.writer.trouble else ""} | away

    return Services(
        versions=core.versions, applications=core.applications, environments=core.environments, deployments=core.deployments, tasks=core.tasks,
        changes=core.changes, users=core.users, webhooks=core.webhooks, pool=core.pool, positions=core.positions, settings=core.settings,
        deployers=core.deployers, target=target, audit_files=PostgresAuditFiles(core.conninfo, core.signer), past=core.past, status=status,
        stopping=stopping)
