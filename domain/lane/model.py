"""An environment's lane: who may change the environment now, who waits, and what has been left running there.

Two deployments that share an application never overlap; those that wait enter in the order they came, unless they share
nothing with anybody before them. A rollback takes over the place of the deployment it undoes.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from domain.errors import Refused
from domain.event import Event
from domain.lane.events import Installed, LaneEntered, LaneHandedOver, LaneLeft, LaneQueued

KEPT = 10
"""How many earlier installations are remembered for each application."""


class Place(msgspec.Struct, frozen=True):
    deployment_id: str
    application_ids: tuple[str, ...]

    def shares(self, application_ids: Iterable[str]) -> bool:
        return not set(self.application_ids).isdisjoint(application_ids)


class Lane(msgspec.Struct, frozen=True):
    id: str
    version: int = 0
    environment_id: str = ""
    number: int = 0
    inside: tuple[Place, ...] = ()
    waiting: tuple[Place, ...] = ()
    installed: dict[str, tuple[Installed, ...]] = {}
    """By application id, newest first."""
    last: dict[str, int] = {}
    """By application id: the number of the last deployment that came in for it."""

    def holds(self, deployment: str) -> bool:
        return any(place.deployment_id == deployment for place in self.inside)

    def knows(self, deployment: str) -> bool:
        return any(place.deployment_id == deployment for place in self.inside + self.waiting)

    def in_the_way_of(self, deployment: str, application_ids: Iterable[str]) -> tuple[str, ...]:
        """The deployments that must be over first."""
        wanted = tuple(application_ids)
        return tuple(p.deployment_id for p in self.inside + self._before(deployment) if p.shares(wanted))

    def _before(self, deployment: str) -> tuple[Place, ...]:
        ids = [place.deployment_id for place in self.waiting]
        return self.waiting[: ids.index(deployment)] if deployment in ids else self.waiting

    def admissible(self) -> tuple[Place, ...]:
        """Those who wait and could enter now, each for itself."""
        return tuple(p for p in self.waiting if not self.in_the_way_of(p.deployment_id, p.application_ids))

    def ask(self, environment: str, deployment: str, application_ids: tuple[str, ...], *, at: datetime, by: str) -> LaneEntered | LaneQueued:
        """Enter if nobody is in the way, else wait."""
        behind = self.in_the_way_of(deployment, application_ids)
        if self.holds(deployment):
            raise Refused(f"{deployment} is in its environment already")
        if behind:
            return LaneQueued(stream=self.id, version=self.version + 1, at=at, by=by, environment_id=environment,
                              deployment_id=deployment, application_ids=application_ids, behind=behind)
        return LaneEntered(stream=self.id, version=self.version + 1, at=at, by=by, environment_id=environment,
                           deployment_id=deployment, application_ids=application_ids, number=self.number + 1)

    def hand_over(self, deployment: str, to: str, application_ids: tuple[str, ...], *, at: datetime, by: str) -> LaneHandedOver:
        if not self.holds(deployment):
            raise Refused(f"{deployment} has left its environment")
        return LaneHandedOver(stream=self.id, version=self.version + 1, at=at, by=by, environment_id=self.environment_id,
                              deployment_id=deployment, to_deployment_id=to, application_ids=application_ids, number=self.number + 1)

    def leave(self, deployment: str, installed: tuple[Installed, ...] = (), *, at: datetime, by: str) -> LaneLeft:
        return LaneLeft(stream=self.id, version=self.version + 1, at=at, by=by, environment_id=self.environment_id,
                        deployment_id=deployment, installed=installed)

    def overtaken(self, application_ids: Iterable[str], number: int) -> bool:
        """Whether another has come in for one of these applications since the deployment of this number did."""
        return any(self.last.get(app, 0) > number for app in application_ids)

    def before(self, application: str, deployment: str) -> Installed | None:
        """What ran before this deployment came: the installation before its own, or the newest one if it left none."""
        history = self.installed.get(application, ())
        own = [n for n, i in enumerate(history) if i.deployment_id == deployment]
        return next(iter(history[own[-1] + 1:] if own else history), None)

    def installation(self, application: str, version: str) -> Installed | None:
        """The newest installation of a version, with its package."""
        return next((i for i in self.installed.get(application, ()) if i.version_id == version), None)


def lane_of(environment: str) -> str:
    """The id of an environment's lane."""
    return "lane_" + environment.partition("_")[2]


def evolve(lane: Lane, event: Event) -> Lane:
    match event:
        case LaneQueued():
            waiting = (*without(lane.waiting, event.deployment_id), Place(event.deployment_id, event.application_ids))
            return msgspec.structs.replace(lane, version=event.version, environment_id=event.environment_id, waiting=waiting)
        case LaneEntered():
            return msgspec.structs.replace(
                lane, version=event.version, environment_id=event.environment_id, number=event.number,
                waiting=without(lane.waiting, event.deployment_id), inside=(*lane.inside, Place(event.deployment_id, event.application_ids)),
                last={**lane.last, **dict.fromkeys(event.application_ids, event.number)},
            )
        case LaneHandedOver():
            inside = (*without(lane.inside, event.deployment_id), Place(event.to_deployment_id, event.application_ids))
            last = {**lane.last, **dict.fromkeys(event.application_ids, event.number)}
            return msgspec.structs.replace(lane, version=event.version, number=event.number, inside=inside, last=last)
        case LaneLeft():
            return msgspec.structs.replace(
                lane, version=event.version, inside=without(lane.inside, event.deployment_id),
                waiting=without(lane.waiting, event.deployment_id), installed=with_installed(lane.installed, event.installed),
            )
    raise TypeError(f"not a fact about a lane: {event}")


def without(places: tuple[Place, ...], deployment: str) -> tuple[Place, ...]:
    return tuple(place for place in places if place.deployment_id != deployment)


def with_installed(known: dict[str, tuple[Installed, ...]], new: tuple[Installed, ...]) -> dict[str, tuple[Installed, ...]]:
    return {**known, **{i.application_id: (i, *known.get(i.application_id, ()))[:KEPT] for i in new}}
