"""Who calls, and from where: what every command is handed beside its own content."""

from dataclasses import dataclass, replace
from functools import cache
from uuid import UUID, uuid5

from application.chance import uuid
from domain.access import SYSTEM, Actor
from domain.recorded import Cause, Origin

NAMESPACE = UUID("8c6d7f0a-3d0e-4f5b-9a56-0d1c8f0c7c11")


@dataclass(frozen=True)
class Caller:
    """One call. `command` names it for ever: the same id again stores nothing and answers the same."""

    actor: Actor
    command: UUID
    correlation: UUID
    causation: UUID | None = None
    source_ip: str = ""
    request_id: str = ""
    repeatable: bool = False
    """The id was chosen so that the same call comes with the same id (an `Idempotency-Key`, a process): look whether it is known."""

    @property
    def origin(self) -> Origin:
        return Origin(self.actor.id, self.correlation, self.causation, self.source_ip, self.request_id)

    @property
    def as_cause(self) -> Cause:
        return Cause(self.command, self.correlation)

    def following(self, cause: Cause | None) -> "Caller":
        """The same call, known to follow from another. Its id stays."""
        return replace(self, correlation=cause.correlation, causation=cause.command) if cause else self

    def step(self, name: str) -> "Caller":
        """The same caller for a part of the same call, with an id of its own that is the same every time."""
        return replace(self, command=uuid5(self.command, name))


def person(actor: Actor, *, source_ip: str = "", request_id: str = "", idempotency_key: str = "") -> Caller:
    """A call by a user. With an idempotency key its id follows from user and key."""
    command = uuid5(NAMESPACE, f"{actor.id}\0{idempotency_key}") if idempotency_key else uuid()
    return Caller(actor, command, command, None, source_ip, request_id, repeatable=bool(idempotency_key))


def process(name: str, what: str, *, correlation: UUID | None = None, causation: UUID | None = None, repeatable: bool = True) -> Caller:
    """A call by a part of the system; `what` names the call: the same name, the same id. `repeatable`: see `Caller`."""
    command = uuid5(NAMESPACE, f"{name}\0{what}")
    return Caller(system(name), command, correlation or command, causation, repeatable=repeatable)


@cache
def system(name: str) -> Actor:
    return Actor(f"system:{name}", f"system:{name}", frozenset({SYSTEM}))
