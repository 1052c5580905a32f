"""A long log in little time: real facts of whole deployments, encoded as they would be, chained in Python, copied into the log's tables
as their owner.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec
import psycopg

from adapters.event_store.chain import link
from domain.event import Event
from domain.registry import EVENTS, decode, encode, schema_of
from tests.golden.make import path

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
CORRELATION = UUID(int=7)
TASKS = 6
TEMPLATES = {topic: decode(topic, path(topic, schema_of(cls), "full").read_bytes().rstrip(b"\n")) for topic, cls in EVENTS.items()}
TASK = (("task.released",), ("task.started",), ("task.succeeded", "deployment.task_succeeded"))
COMMANDS = (("deployment.created", "lane.entered"), ("deployment.started",), *TASK * TASKS, ("deployment.succeeded", "lane.left"),
            ("notification.requested",))
"""What the commands of one deployment store."""
EVENT = "originator_id, originator_version, topic, state, notification_id, digest"
COMMAND = "command_id, request, first_position, events, actor, correlation_id, causation_id, source_ip, request_id, recorded_at"


class Facts:
    """Each in its stream, with the next version there."""

    def __init__(self) -> None:
        self._versions: dict[str, int] = {}

    def commands(self) -> Iterator[list[Event]]:
        """For ever. A command is a second behind the one before."""
        command, deployment = 0, 0
        while True:
            deployment += 1
            for place, topics in enumerate(COMMANDS):
                command += 1
                at = BEGIN + timedelta(seconds=command, microseconds=command % 1000)
                yield [self._fact(topic, deployment, place, at) for topic in topics]

    def _fact(self, topic: str, deployment: int, place: int, at: datetime) -> Event:
        kind = topic.partition(".")[0]
        number = {"lane": deployment % 50, "task": deployment * 100 + (place - 2) // len(TASK)}.get(kind, deployment)
        stream = f"{kind[:4]}_01kdwnk3r0zq{number:014}"
        version = self._versions[stream] = self._versions.get(stream, 0) + 1
        return msgspec.structs.replace(TEMPLATES[topic], stream=stream, version=version, at=at)


class Told(NamedTuple):
    """A command and its facts (stream, version, topic, stored bytes), before they have a place in the log."""

    id: UUID
    actor: str
    correlation: UUID
    at: datetime
    facts: Sequence[tuple[str, int, str, bytes]]
    causation: UUID | None = None
    request: bytes = b"\0" * 32
    source_ip: str = "192.0.2.17"
    request_id: str = ""


def seed(conninfo: str, events: int) -> int:
    """`events` or a few more, behind what the log has. Projections know nothing of them."""
    return fill(conninfo, told(Facts()), events)


def told(facts: Facts) -> Iterator[Told]:
    for number, found in enumerate(facts.commands(), 1):
        yield Told(UUID(int=number << 64), found[0].by, CORRELATION, found[0].at + timedelta(milliseconds=3),
                   [(fact.stream, fact.version, fact.TOPIC, encode(fact)) for fact in found],
                   causation=UUID(int=(number - 1) << 64), request_id=f"req_{number:020}")


def fill(conninfo: str, commands: Iterator[Told], events: int, batch: int = 50_000) -> int:
    """Put commands behind what the log has until these are `events` or a few more; where the log ends then."""
    with psycopg.connect(conninfo) as conn:
        [(position, digest)] = conn.execute("select position, digest from log.stored_events_head for update").fetchall()
        events += position
        while position < events:
            stored: list[tuple[object, ...]] = []
            asked: list[tuple[object, ...]] = []
            while len(stored) < min(batch, events - position):
                one = next(commands)
                asked.append((one.id, one.request, position + len(stored) + 1, len(one.facts), one.actor, one.correlation, one.causation,
                              one.source_ip, one.request_id, one.at))
                for fact in one.facts:
                    digest = link(digest, *fact)
                    stored.append((*fact, position + len(stored) + 1, digest))
            copy(conn, f"log.stored_events ({EVENT})", ["text", "int8", "text", "bytea", "int8", "bytea"], stored)
            copy(conn, f"log.stored_events_commands ({COMMAND})",
                 ["uuid", "bytea", "int8", "int4", "text", "uuid", "uuid", "text", "text", "timestamptz"], asked)
            position += len(stored)
        conn.execute("update log.stored_events_head set position = %s, digest = %s", (position, digest))
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute("vacuum (analyze) log.stored_events, log.stored_events_commands")  # as autovacuum leaves it
    return int(position)


def copy(conn: psycopg.Connection, table: str, types: list[str], rows: list[tuple[object, ...]]) -> None:
    with conn.cursor() as cursor, cursor.copy(f"copy {table} from stdin (format binary)".encode()) as to:
        to.set_types(types)
        for row in rows:
            to.write_row(row)
