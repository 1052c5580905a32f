"""A version that came by a webhook goes to the environments that want each new one."""

from application.processes import reactions
from application.processes.wishes import DeployVersion, Wish
from domain.event import Event
from domain.version.events import VersionCreated


@reactions.to(VersionCreated)
def react(event: Event) -> list[Wish]:
    match event:
        case VersionCreated(source=source) if source != "api":
            return [DeployVersion(event.stream)]
    return []
