"""What becomes of a webhook delivery whose signature was right: a fact about the delivery, and a version where it names one."""

from dataclasses import dataclass

from application.caller import Caller
from application.house import Done, House
from application.ports.catalog import Catalog
from application.work import Work
from domain.delivery.events import DeliveryReceived
from domain.version.events import VersionCreated
from domain.version.values import next_patch, repository_key


@dataclass(frozen=True)
class Delivery:
    """`repository`: the address that it is cloned from."""

    provider: str
    event: str
    delivery_id: str
    repository: str = ""


@dataclass(frozen=True)
class TagPushed:
    delivery: Delivery
    git_tag: str
    git_commit: str
    description: str = ""


@dataclass(frozen=True)
class PullRequestMerged:
    delivery: Delivery
    number: int
    git_commit: str
    title: str = ""


@dataclass(frozen=True)
class Ignored:
    delivery: Delivery
    why: str


class Webhooks:
    """Every delivery is one command whose id follows from the provider's delivery id: the second time it answers the same."""

    def __init__(self, house: House, catalog: Catalog) -> None:
        self._house, self._catalog = house, catalog

    async def tag_pushed(self, caller: Caller, command: TagPushed) -> Done:
        """A version, or the one that is known by this tag already."""

        async def act(work: Work) -> str:
            return await self._version(work, caller, command.delivery, command.git_tag, command.git_commit, command.description)

        return await self._house.run(caller, "delivery:receive", act, command)

    async def pull_request_merged(self, caller: Caller, command: PullRequestMerged) -> Done:
        """A version with the next patch version as its tag."""

        async def act(work: Work) -> str:
            tags = await self._catalog.tags(command.delivery.repository)
            tag = next_patch(tags)
            while (await work.name("version", name_of(command.delivery.repository, tag))).owner:
                tag = next_patch([tag])
            return await self._version(work, caller, command.delivery, tag, command.git_commit, command.title, command.number)

        return await self._house.run(caller, "delivery:receive", act, command)

    async def ignored(self, caller: Caller, command: Ignored) -> Done:
        async def act(work: Work) -> str:
            fact = self._received(caller, command.delivery, ignored=command.why)
            work.record(fact)
            return fact.stream

        return await self._house.run(caller, "delivery:receive", act, command)

    async def _version(
        self, work: Work, caller: Caller, delivery: Delivery, tag: str, commit: str, description: str, number: int | None = None,
    ) -> str:
        at, by = self._house.clock(), caller.actor.id
        unique = name_of(delivery.repository, tag)
        name = await work.name("version", unique)
        id = name.owner or self._house.new_id("ver")
        fact = self._received(caller, delivery, version_id=id, version_created=not name.owner, auto_tag=tag if number is not None else "")
        work.record(fact)
        if not name.owner:
            work.record(
                VersionCreated(stream=id, version=1, at=at, by=by, git_tag=tag, git_commit=commit, repository=delivery.repository,
                               description=description, source=delivery.provider, pull_request=number),
                name.claim("version", unique, id, at=at, by=by))
        return fact.stream

    def _received(self, caller: Caller, delivery: Delivery, *, version_id: str = "", version_created: bool = False, auto_tag: str = "",
                  ignored: str = "") -> DeliveryReceived:
        return DeliveryReceived(
            stream=self._house.new_id("dlv"), version=1, at=self._house.clock(), by=caller.actor.id, provider=delivery.provider, event=delivery.event,
            delivery_id=delivery.delivery_id, repository=delivery.repository, version_id=version_id, version_created=version_created,
            auto_tag=auto_tag, ignored=ignored)


def name_of(repository: str, tag: str) -> str:
    return f"{repository_key(repository)}@{tag}"
