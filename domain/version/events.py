"""What can have happened to a version: one state of a repository that can be deployed."""

from domain.event import Event


class VersionCreated(Event, frozen=True, kw_only=True):
    """A version is known; `source` says by whom: `api`, `github`."""

    TOPIC = "version.created"
    git_tag: str
    git_commit: str
    repository: str
    description: str = ""
    source: str = "api"
    pull_request: int | None = None
    """The merged pull request that made it, where one did; its tag was then chosen by us."""


class VersionVerified(Event, frozen=True, kw_only=True):
    """Tag and commit were read back from the repository and belong together."""

    TOPIC = "version.verified"
    git_commit: str
    """The full commit id as the repository has it."""


class VersionDeleted(Event, frozen=True, kw_only=True):
    """The version was taken out of use."""

    TOPIC = "version.deleted"
