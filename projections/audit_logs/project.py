"""Every fact as a row of the audit."""

import msgspec

from domain.event import Event
from domain.personal import HIDDEN, persons
from domain.recorded import Recorded, Unreadable
from domain.registry import EVENTS
from projections.engine.counting import Counted
from projections.engine.masking import PLAIN, masked
from projections.engine.projection import Parameters, Statement, row

HANDLES = frozenset(EVENTS.values())
IGNORES: frozenset[type[Event]] = frozenset()
COUNTED = Counted("audit_logs", by=(("resource", "action"), ("user_id",)))
IN_COLUMNS = ("schema", "stream", "version", "at", "by")


def project(recorded: Recorded) -> list[Statement]:
    fields = msgspec.to_builtins(recorded.event)
    fields |= dict.fromkeys(persons(recorded.event), HIDDEN)  # the audit names people by id; the name is joined, as long as there is one
    for name in IN_COLUMNS:
        del fields[name]
    details = {key: value if type(value) in PLAIN else masked(value) for key, value in fields.items()}
    return [("insert_audit_log", row(recorded, **about(recorded, recorded.event.TOPIC), details=details))]


def unreadable(record: Unreadable) -> list[Statement]:
    """A fact that this version of the program cannot read is audited all the same: by its envelope."""
    envelope = {"id": record.stream, "by": record.origin.actor, "at": record.recorded_at, "version": record.version, "position": record.position}
    return [("insert_audit_log", {**envelope, **about(record, record.topic), "details": {"unreadable": record.error}})]


def about(record: Recorded | Unreadable, topic: str) -> Parameters:
    origin = record.origin
    return {"action": topic, "resource": topic.partition(".")[0], "source_ip": origin.source_ip, "request_id": origin.request_id,
            "command_id": record.command, "correlation_id": origin.correlation, "causation_id": origin.causation, "recorded_at": record.recorded_at}
