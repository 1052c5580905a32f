"""What tests of commands share."""

from collections.abc import Awaitable
from typing import Any

import pytest

from application.deployments.commands import EditedTask
from domain.deployment.model import Deployment
from domain.errors import DomainError
from tests.application.town import Town


async def refused(town: Town, error: type[DomainError], match: str, call: Awaitable[Any]) -> DomainError:
    """The call is refused, and the log is as before."""
    before = town.log.position
    with pytest.raises(error, match=match or None) as refusal:
        await call
    assert town.log.position == before
    return refusal.value


def as_edited(d: Deployment, **changes: dict[str, Any]) -> tuple[EditedTask, ...]:
    """The workflow as a caller would send it back, with changes by the tasks' type."""
    return tuple(EditedTask(t.id, t.type, t.name, t.application_id, t.depends_on, **changes.get(t.type, {})) for t in d.tasks)
