"""The values that a task's events carry: what is to be done, where, with what."""

from domain.event import Json, Value


class Artifact(Value, frozen=True, kw_only=True):
    """A package in the artifact store."""

    digest: str
    """`sha256:<hex>` of the file."""
    name: str
    size: int
    """Bytes."""
    unpack: bool = True
    """True: a tar.gz whose content becomes the release's root. False: one file."""


class Source(Value, frozen=True, kw_only=True):
    """A version of a repository, as it is to be checked out."""

    version_id: str
    repository: str
    git_tag: str
    git_commit: str


class Target(Value, frozen=True, kw_only=True):
    """An environment as it was when the deployment was made. A secret setting holds `{"secret": "sec_…"}`."""

    environment_id: str
    name: str
    type: str
    config: Json


class Job(Value, frozen=True, kw_only=True):
    """All that whoever runs the task needs to know."""

    deployment_id: str
    type: str
    application_id: str
    application_name: str
    application_config: Json
    source: Source
    target: Target
    config: Json
    """The task's own settings, as the workflow prints them."""
    release: str
    """`<version>-<n>`: the name of the release folder on a host; n counts the deployments of the environment."""
    artifact: Artifact | None = None
    timeout: float = 1800.0
    """Seconds."""
