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
from projections.engine.projection import Parameters, Statement, clean

HANDLES = frozenset(EVENTS.values())
IGNORES: frozenset[type[Event]] = frozenset()
COUNTED = Counted("audit_logs", by=(("resource", "action"), ("user_id",)))
RESOURCES = {topic: topic.partition(".")[0] for topic in EVENTS}
IN_COLUMNS = ("schema", "stream", "version", "at", "by")
SECRET, COMMA, BY = b'"secret"', b",", b',"by":"'


class Columns(msgspec.Struct):
    """What every event's JSON begins with."""

    schema: object
    stream: str
    version: int
    at: datetime
    by: str


def project(recorded: Recorded) -> list[Statement]:
    event, origin = recorded.event, recorded.origin
    found: Parameters = {
        "id": event.stream, "by": event.by, "at": event.at, "version": event.version, "position": recorded.position,
        "action": event.TOPIC, "resource": RESOURCES[event.TOPIC], "source_ip": origin.source_ip, "request_id": origin.request_id,
        "command_id": recorded.command, "correlation_id": origin.correlation, "causation_id": origin.causation,
        "recorded_at": recorded.recorded_at, "details": details_of(event)}
    return [("insert_audit_log", clean(found) if "\0" in event.stream + event.by + origin.source_ip + origin.request_id else found)]


def details_of(event: Event) -> msgspec.Raw | dict[str, object]:
    """What no column says, without secrets and names. Most events have neither: of their JSON the columns' part is cut off in front."""
    state = encode(event)
    if event.PERSONAL or SECRET in state:
        return masked_details(event)
    end = end_of_columns(event, state)
    return msgspec.Raw(b"{" + state[end + len(COMMA):] if state.startswith(COMMA, end) else b"{}")


def end_of_columns(event: Event, state: bytes) -> int:
    """`by` is the last of them. Inside a text there is no quote before its name; where it is written as it is, its length tells the end."""
    by = event.by.encode() + b'"'
    begin = state.index(BY) + len(BY)
    if state.startswith(by, begin):
        return begin + len(by)
    return len(encode(Columns(event.__struct_config__.tag, event.stream, event.version, event.at, event.by))) - len("}")


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
