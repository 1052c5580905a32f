"""A long log in little time: real facts of whole deployments, encoded as they would be, chained in Python, copied into the log's tables
as their owner.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
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


def seed(conninfo: str, events: int, batch: int = 50_000) -> None:
    """`events` or a few more, behind what the log has. Projections know nothing of them."""
    known, number = Facts().commands(), 0
    with psycopg.connect(conninfo) as conn:
        [(position, digest)] = conn.execute("select position, digest from log.stored_events_head for update").fetchall()
        events += position
        while position < events:
            stored: list[tuple[object, ...]] = []
            asked: list[tuple[object, ...]] = []
            while len(stored) < min(batch, events - position):
                facts = next(known)
                number += 1
                asked.append((UUID(int=number << 64), b"\0" * 32, position + len(stored) + 1, len(facts), facts[0].by, CORRELATION,
                              UUID(int=(number - 1) << 64), "192.0.2.17", f"req_{number:020}", facts[0].at + timedelta(milliseconds=3)))
                for fact in facts:
                    state = encode(fact)
                    digest = link(digest, fact.stream, fact.version, fact.TOPIC, state)
                    stored.append((fact.stream, fact.version, fact.TOPIC, state, position + len(stored) + 1, digest))
            copy(conn, f"log.stored_events ({EVENT})", ["text", "int8", "text", "bytea", "int8", "bytea"], stored)
            copy(conn, f"log.stored_events_commands ({COMMAND})",
                 ["uuid", "bytea", "int8", "int4", "text", "uuid", "uuid", "text", "text", "timestamptz"], asked)
            position += len(stored)
        conn.execute("update log.stored_events_head set position = %s, digest = %s", (position, digest))
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute("vacuum (analyze) log.stored_events, log.stored_events_commands")  # as autovacuum leaves it


def copy(conn: psycopg.Connection, table: str, types: list[str], rows: list[tuple[object, ...]]) -> None:
    with conn.cursor() as cursor, cursor.copy(f"copy {table} from stdin (format binary)".encode()) as to:
        to.set_types(types)
        for row in rows:
            to.write_row(row)
