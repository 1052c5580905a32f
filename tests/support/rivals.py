"""Two houses (as two processes have them) over one log, whose commands meet: what each has read when it decided, and what came of it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from application.caller import person
from application.house import House
from application.ports.log import LogUnavailable
from application.work import Work
from domain.access import Actor
from domain.application.events import ApplicationCreated
from domain.environment.events import EnvironmentCreated
from domain.errors import DomainError, Refused
from domain.event import Event
from tests.support.given import ANN, NOON, fact, folded, numbered

ADMIN = Actor(ANN, "ann", frozenset({"admin"}))
ENVIRONMENTS, APPLICATIONS = ("env_1", "env_2"), ("app_1", "app_2")
BEGINNING: list[Event] = numbered([
    *(fact(EnvironmentCreated, id, name=id, type="memory", config={}, is_active=True) for id in ENVIRONMENTS),
    *(fact(ApplicationCreated, id, name=id, repository="r", type="t", config={}) for id in APPLICATIONS),
])


@dataclass(frozen=True)
class Wish:
    """`set`: the environment is active, or not. `use`: change the application, where the environment is active. `delete` the application."""

    what: Literal["set", "use", "delete"]
    environment: str
    application: str
    active: bool = True


@dataclass
class Outcome:
    """`told`: done, nothing, refused or unknown; between which of the log's positions; `read`: the versions its last decision stood on."""

    wish: Wish
    command: UUID
    told: str
    began: int
    ended: int
    read: dict[str, int] = field(default_factory=dict)


async def carry_out(house: House, wish: Wish, number: int, position: Callable[[], Awaitable[int]]) -> Outcome:
    """`number`: another for each wish. `position`: how far the log has come."""
    caller, read, began = person(ADMIN), dict[str, int](), await position()

    async def decide(work: Work) -> str:
        read.clear()
        if wish.what == "delete":
            app = await work.application(wish.application)
            read[app.id] = app.version
            work.record(app.delete(at=NOON, by=ANN))
            return app.id
        env = await work.environment(wish.environment)
        read[env.id] = env.version
        if wish.what == "set":
            work.record(*env.change(env.name, env.type, env.config, wish.active, at=NOON, by=ANN))
            return env.id
        if not env.is_active:
            raise Refused("the environment is not active")
        app = await work.application(wish.application)
        read[app.id] = app.version
        work.record(*app.change(app.name, app.type, {"n": number}, at=NOON, by=ANN))
        return app.id

    try:
        told = "done" if (await house.run(caller, "environment:update", decide)).position else "nothing"
    except DomainError:
        told = "refused"
    except LogUnavailable:
        told = "unknown"
    return Outcome(wish, caller.command, told, began, await position(), read)


def assert_as_if_one_after_the_other(outcomes: Sequence[Outcome], log: Sequence[tuple[UUID | None, Event]]) -> None:
    """What was stored was decided on what the log said just before it; what was refused, or nothing to do, was so at some moment between
    question and answer. `log`: every fact in order, with its command."""
    by_command = {outcome.command: outcome for outcome in outcomes}
    versions, before = dict[str, int](), None
    for command, event in log:
        if command != before and command in by_command:
            assert {stream: versions.get(stream, 0) for stream in by_command[command].read} == by_command[command].read
        before, versions[event.stream] = command, event.version
    stored = {command for command, _ in log}
    for outcome in outcomes:
        if outcome.told != "unknown":
            assert (outcome.command in stored) == (outcome.told == "done")
        if outcome.told in ("refused", "nothing"):
            facts = [event for _, event in log]
            assert any(says(outcome.wish, facts[:position]) == outcome.told for position in range(outcome.began, outcome.ended + 1)), outcome


def says(wish: Wish, facts: Sequence[Event]) -> str:
    """What a log that holds these facts answers."""
    env, app = (folded(stream, [event for event in facts if event.stream == stream]) for stream in (wish.environment, wish.application))
    if wish.what == "set":
        return "nothing" if env.is_active == wish.active else "done"
    return "refused" if app.deleted or (wish.what == "use" and not env.is_active) else "done"
