"""What can have happened on an environment's lane: the one way in, on which deployments of the same application never overtake or overlap."""

from domain.event import Event, Value
from domain.task.values import Artifact


class Installed(Value, frozen=True, kw_only=True):
    """What a successful deployment left running for one application."""

    application_id: str
    deployment_id: str
    version_id: str
    git_tag: str
    git_commit: str
    artifact: Artifact | None = None


class LaneQueued(Event, frozen=True, kw_only=True):
    """A deployment waits behind others that use one of its applications."""

    TOPIC = "lane.queued"
    environment_id: str
    deployment_id: str
    application_ids: tuple[str, ...]
    behind: tuple[str, ...]


class LaneEntered(Event, frozen=True, kw_only=True):
    """A deployment may now change the environment; it is the `number`-th to do so."""

    TOPIC = "lane.entered"
    environment_id: str
    deployment_id: str
    application_ids: tuple[str, ...]
    number: int


class LaneHandedOver(Event, frozen=True, kw_only=True):
    """The rollback of a deployment takes its place at once, before anybody who waits."""

    TOPIC = "lane.handed_over"
    environment_id: str
    deployment_id: str
    to_deployment_id: str
    application_ids: tuple[str, ...]
    number: int


class LaneLeft(Event, frozen=True, kw_only=True):
    """A deployment is over, or has given up waiting; `installed` is what it left running."""

    TOPIC = "lane.left"
    environment_id: str
    deployment_id: str
    installed: tuple[Installed, ...] = ()
