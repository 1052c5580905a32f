"""Which facts one thing's row is made of, and the rows that are printed beside it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.deployment.events import DeploymentConfirmed, DeploymentCreated, DeploymentWorkflowChanged
from domain.event import Event
from domain.lane.events import LaneLeft
from domain.recorded import Recorded
from projections.catalogue import PROJECTIONS
from projections.engine.connections import Connection
from projections.engine.projection import Projection
from projections.engine.write import Record
from projections.history.queries import positions_held

WHO = (DeploymentCreated.TOPIC, DeploymentConfirmed.TOPIC)
"""What is printed of a deployment beside an environment: who asked for it, by which change, who confirmed it."""


class Log(Protocol):
    """Facts of the log, in its order."""

    def of_streams(self, conn: Connection, streams: Sequence[str], upto: int, topics: Sequence[str] | None = None) -> Sequence[Record]:
        """Of these streams, up to a position; `topics`: only these."""

    def at_positions(self, conn: Connection, positions: Sequence[int]) -> Sequence[Record]: ...


Gather = Callable[[Log, Connection, str, int], list[Record]]
"""`(log, connection, id, position)`: the facts that the answer is made of."""


@dataclass(frozen=True)
class Trip:
    gather: Gather
    projections: tuple[Projection, ...]
    """The ones whose tables the question reads."""


def of_environment(log: Log, conn: Connection, id: str, upto: int) -> list[Record]:
    """The facts that still held, and who was behind what was installed."""
    found = list(log.at_positions(conn, positions_held(conn, id, upto)))
    left = [event for event in events(found) if isinstance(event, LaneLeft)]
    return with_approval(log, conn, upto, found + streams(log, conn, {i.deployment_id for event in left for i in event.installed}, upto, WHO))


def of_deployment(log: Log, conn: Connection, id: str, upto: int) -> list[Record]:
    """Its stream, and those of its tasks."""
    found = streams(log, conn, [id] if id.startswith("dep_") else (), upto)
    plans = [event for event in events(found) if isinstance(event, DeploymentCreated | DeploymentWorkflowChanged)]
    return with_approval(log, conn, upto, found + streams(log, conn, {task.id for plan in plans for task in plan.tasks}, upto))


def of_change(log: Log, conn: Connection, id: str, upto: int) -> list[Record]:
    return with_people(log, conn, upto, streams(log, conn, [id] if id.startswith("chg_") else (), upto))


def with_approval(log: Log, conn: Connection, upto: int, found: list[Record]) -> list[Record]:
    """And the changes that the deployments carry out, and everybody's name."""
    changes = {event.change_id for event in events(found) if isinstance(event, DeploymentCreated) and event.change_id}
    return with_people(log, conn, upto, found + streams(log, conn, changes, upto))


def with_people(log: Log, conn: Connection, upto: int, found: list[Record]) -> list[Record]:
    people = {event.by for event in events(found) if event.by.startswith("usr_")}
    return sorted(found + streams(log, conn, people, upto), key=lambda record: record.position)


def streams(log: Log, conn: Connection, names: Iterable[str], upto: int, topics: Sequence[str] | None = None) -> list[Record]:
    wanted = sorted(names)
    return list(log.of_streams(conn, wanted, upto, topics)) if wanted else []


def events(found: Iterable[Record]) -> Iterator[Event]:
    return (record.event for record in found if isinstance(record, Recorded))


def named(*names: str) -> tuple[Projection, ...]:
    return tuple(projection for projection in PROJECTIONS if projection.name in names)


TRIPS = {
    "environment": Trip(of_environment, named("environments", "deployments", "changes", "users")),
    "deployment": Trip(of_deployment, named("deployments", "tasks", "changes", "users")),
    "change": Trip(of_change, named("changes", "users")),
}
"""By the kind of thing."""
TABLES = tuple(projection for projection in PROJECTIONS if any(projection in trip.projections for trip in TRIPS.values()))
