"""Every fact as a row of the audit."""

from datetime import datetime

import msgspec

from domain.event import Event
from domain.personal import HIDDEN, persons
from domain.recorded import Recorded, Unreadable
from domain.registry import EVENTS
from projections.engine.connections import encode
from projections.engine.counting import Counted
from projections.engine.masking import PLAIN, masked
from projections.engine.projection import Statement, clean

HANDLES = frozenset(EVENTS.values())
IGNORES: frozenset[type[Event]] = frozenset()
COUNTED = Counted("audit_logs", by=(("resource", "action"), ("user_id",)))
IN_COLUMNS = ("schema", "stream", "version", "at", "by")
SECRET, COMMA = b'"secret"', ord(",")


class Columns(msgspec.Struct):
    """What every event's JSON begins with."""

    schema: object
    stream: str
    version: int
    at: datetime
    by: str


def project(recorded: Recorded) -> list[Statement]:
    event, origin = recorded.event, recorded.origin
    return [("insert_audit_log", clean({
        "id": event.stream, "by": event.by, "at": event.at, "version": event.version, "position": recorded.position,
        "action": event.TOPIC, "resource": event.TOPIC.partition(".")[0], "source_ip": origin.source_ip, "request_id": origin.request_id,
        "command_id": recorded.command, "correlation_id": origin.correlation, "causation_id": origin.causation,
        "recorded_at": recorded.recorded_at, "details": details_of(event)}))]


def details_of(event: Event) -> msgspec.Raw | dict[str, object]:
    """What no column says, without secrets and names. Most events have neither: of their JSON the columns' part is cut off in front."""
    state = encode(event)
    if event.PERSONAL or SECRET in state:
        return masked_details(event)
    columns = len(encode(Columns(event.__struct_config__.tag, event.stream, event.version, event.at, event.by))) - len("}")
    return msgspec.Raw(b"{" + state[columns + len(","):] if state[columns] == COMMA else b"{}")


def masked_details(event: Event) -> dict[str, object]:
    fields = msgspec.to_builtins(event)
    fields |= dict.fromkeys(persons(event), HIDDEN)  # the audit names people by id; the name is joined, as long as there is one
    for name in IN_COLUMNS:
        del fields[name]
    return {key: value if type(value) in PLAIN else masked(value) for key, value in fields.items()}


def unreadable(record: Unreadable) -> list[Statement]:
    """A fact that this version of the program cannot read is audited all the same: by its envelope."""
    origin = record.origin
    return [("insert_audit_log", {
        "id": record.stream, "by": origin.actor, "at": record.recorded_at, "version": record.version, "position": record.position,
        "action": record.topic, "resource": record.topic.partition(".")[0], "source_ip": origin.source_ip, "request_id": origin.request_id,
        "command_id": record.command, "correlation_id": origin.correlation, "causation_id": origin.causation,
        "recorded_at": record.recorded_at, "details": {"unreadable": record.error}})]
