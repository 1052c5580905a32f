"""Facts for read models: `fact` makes one, `recorded` gives them their places in the log."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from domain.deployment.events import DeploymentCreated, DeploymentStarted
from domain.deployment.values import AppSnapshot, TaskSpec
from domain.event import Event
from domain.recorded import Origin, Recorded, Unreadable
from domain.registry import EVENTS
from domain.task.values import Artifact, Job, Source, Target

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SOURCE = Source(version_id="ver_1", repository="https://example.org/org/repo", git_tag="v1.0.0", git_commit="abc123")
TARGET = Target(environment_id="env_1", name="production", type="memory", config={"ssh_key": {"secret": "sec_1"}})
PACKAGE = Artifact(digest="sha256:" + "ab" * 32, name="api.tar.gz", size=1234)
BUILD = TaskSpec(id="task_1", type="build", name="build api", application_id="app_1", config={"dockerfile": "Dockerfile"})
DEPLOY = TaskSpec(id="task_2", type="deploy", name="deploy api", application_id="app_1", depends_on=("task_1",))
CHECK = TaskSpec(id="task_3", type="health_check", name="check api", application_id="app_1", depends_on=("task_2",))
JOB = Job(deployment_id="dep_1", type="build", application_id="app_1", application_name="api", application_config={}, source=SOURCE, target=TARGET,
          config={}, release="v1.0.0-1")


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def fact(kind: type[Event], stream: str, by: str = "usr_ann", **fields: Any) -> Event:
    """Its version and time are set by `recorded`."""
    return kind(stream=stream, version=1, at=NOON, by=by, **fields)


def recorded(*events: Event, after: int = 0, origin: Origin | None = None) -> list[Recorded]:
    """The events one after another, a second apart; each stream's versions count from 1."""
    versions: dict[str, int] = {}
    found = []
    for position, event in enumerate(events, after + 1):
        versions[event.stream] = versions.get(event.stream, 0) + 1
        placed = msgspec.structs.replace(event, version=versions[event.stream], at=later(position))
        found.append(Recorded(position, placed, b"", UUID(int=position), origin or origin_of(event.by, position), later(position)))
    return found


def origin_of(actor: str, cause: int) -> Origin:
    return Origin(actor=actor, correlation=UUID(int=cause), source_ip="192.0.2.1", request_id=f"req_{cause}")


def unreadable(position: int) -> Unreadable:
    return Unreadable(position, "dep_9", 1, "deployment.teleported", b"{}", "no event has the topic", b"", UUID(int=position),
                      origin_of("usr_ann", position), later(position))


def planned(stream: str = "dep_1", tasks: tuple[TaskSpec, ...] = (BUILD, DEPLOY, CHECK), **fields: Any) -> Event:
    """A deployment of one application is planned."""
    apps = (AppSnapshot(id="app_1", name="api", repository=SOURCE.repository, config={"git_token": {"secret": "sec_2"}}),)
    return fact(DeploymentCreated, stream, **{"source": SOURCE, "applications": apps, "target": TARGET, "tasks": tasks, **fields})


def started(stream: str = "dep_1", released: tuple[str, ...] = ("task_1",), held: tuple[str, ...] = ()) -> Event:
    return fact(DeploymentStarted, stream, release_number=1, deadline=later(1800), released=released, held=held)


def sample(kind: type[Event], chance: random.Random | None = None) -> Event:
    """Some event of a kind, by its fields' types: the same one, or one by chance from small sets of ids, so that events meet."""
    info = msgspec.inspect.type_info(kind)
    fields = {field.name: value_of(field.type, field.name, chance) for field in info.fields}  # type: ignore[union-attr]
    return kind(**{**fields, "stream": stream_of(kind, chance), "version": 1, "at": NOON, "by": "usr_1"})


def stream_of(kind: type[Event], chance: random.Random | None) -> str:
    return f"{kind.TOPIC.partition('.')[0]}_{chance.randint(1, 4) if chance else 1}"


def value_of(kind: msgspec.inspect.Type, name: str, chance: random.Random | None) -> Any:
    match kind:
        case msgspec.inspect.StrType():
            return text_of(name, chance)
        case msgspec.inspect.IntType():
            return chance.randint(1, 3) if chance else 1
        case msgspec.inspect.FloatType():
            return 1800.0
        case msgspec.inspect.BoolType():
            return bool(chance and chance.getrandbits(1))
        case msgspec.inspect.DateTimeType():
            return later(chance.randint(0, 9999) if chance else 1800)
        case msgspec.inspect.VarTupleType(item_type=item):
            return tuple(value_of(item, name, chance) for _ in range(chance.randint(0, 3) if chance else 1))
        case msgspec.inspect.DictType(value_type=value):
            return {"app_1": value_of(value, name, chance)}
        case msgspec.inspect.UnionType(types=types):
            return value_of(chance.choice(types) if chance else types[0], name, chance)
        case msgspec.inspect.StructType(cls=cls, fields=fields):
            return cls(**{field.name: value_of(field.type, field.name, chance) for field in fields})
        case msgspec.inspect.CustomType(cls=cls) if cls is object:
            return {"secret": "sec_1"} if name == "config" else 1
        case msgspec.inspect.NoneType():
            return None
    raise TypeError(f"no sample for {kind}")


WORDS = {
    "decision": ("continue", "rollback"), "status": ("healthy", "degraded", "unreachable"), "type": ("deploy", "build"), "reason": ("timeout", ""),
}


def text_of(name: str, chance: random.Random | None) -> str:
    if name in WORDS:
        return chance.choice(WORDS[name]) if chance else WORDS[name][0]
    kind = {"id": "task", "task_id": "task", "depends_on": "task", "released": "task", "held": "task", "stopping": "task", "task_ids": "task",
            "deployment_id": "deployment", "to_deployment_id": "deployment", "behind": "deployment"}.get(name, name.removesuffix("_id"))
    return f"{kind}_{chance.randint(1, 6) if chance else 1}"


def samples() -> list[Event]:
    """One of each kind."""
    return [sample(kind) for kind in EVENTS.values()]


def history(seed: int, size: int) -> list[Recorded]:
    """Facts by chance, in an order that no aggregate would allow: read models must take them all, or put them aside, the same way always."""
    chance = random.Random(seed)
    kinds = list(EVENTS.values())
    return recorded(*(sample(chance.choice(kinds), chance) for _ in range(size)))


def reader(records: Iterable[Recorded | Unreadable]) -> Any:
    """What `check` and `rebuild` read the log with: a list instead of the log."""
    found = list(records)
    return lambda conn, after, limit: found[after:after + limit]
