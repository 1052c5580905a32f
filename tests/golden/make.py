"""Writes the golden files that are missing; a file that is there is never touched: `python -m tests.golden.make`.

`<topic>.v<schema>.full.json` has every field filled in, `<topic>.v<schema>.minimal.json` only those that must be there. An event whose
JSON changes gets a new schema, and with it new files beside the old ones.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import inspect

from domain.event import Event
from domain.registry import EVENTS, schema_of

FOLDER = Path(__file__).parent / "events"
NOON = "2026-01-01T12:00:00Z"
LATER = "2026-01-01T12:30:00.123456Z"
DIGEST = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
ID = "01kdwnk3r0zqx5t7v9b2c4d6e8"
STRINGS = {
    "by": f"usr_{ID}", "git_tag": "v1.2.3", "git_commit": "3f2a9c1d5e7b8046a1c3e5f7092b4d6f8a0c2e41", "repository": "https://git.example/org/app",
    "plan_digest": DIGEST, "digest": DIGEST, "email": "ann@example.org", "username": "ann", "worker": "host-1/4711", "decision": "continue",
    "name": "app-a", "type": "service", "application_name": "app-a", "severity": "critical", "rule": "deploy_failed",
    "destination": "ops@example.org", "channel": "mail", "provider": "github", "event": "push",
    "source": "github", "status": "healthy", "error": "nothing answers on port 8080: ünreachable", "release": "v1.2.3-7", "outcome": "failed",
}
PREFIXES = {  # fields that hold the id of something
    "version_id": "ver", "application_id": "app", "environment_id": "env", "deployment_id": "dep", "to_deployment_id": "dep", "rollback_id": "dep",
    "rollback_of": "dep", "change_id": "chg", "task_id": "task", "user_id": "usr", "owner": "ver", "application_ids": "app", "must_in_order": "app",
    "behind": "dep", "stopping": "dep", "released": "task", "held": "task", "task_ids": "task", "depends_on": "task", "artifacts": "app",
    "version": "ver",
}
SPECIAL = {  # where a field's name alone does not tell
    ("AppSnapshot", "id"): f"app_{ID}", ("TaskSpec", "id"): f"task_{ID}", ("TaskSpec", "type"): "deploy", ("TaskSpec", "name"): "Deploy app-a",
    ("Target", "name"): "production", ("Target", "type"): "physical", ("EnvironmentCreated", "type"): "physical",
    ("EnvironmentChanged", "type"): "physical", ("ChangeCreated", "type"): "deployment", ("Job", "type"): "deploy",
    ("Artifact", "name"): "app-a.tar.gz", ("NameClaimed", "kind"): "version",
}
STREAMS = {
    "version": "ver", "application": "app", "environment": "env", "deployment": "dep", "change": "chg", "notification": "ntf", "delivery": "dlv",
    "user": "usr", "token": "tok",
}

Wanted = Callable[[inspect.Field], bool]


def full(cls: type[Event]) -> bytes:
    return _encoded(cls, lambda field: True)


def minimal(cls: type[Event]) -> bytes:
    return _encoded(cls, lambda field: field.required)


def _encoded(cls: type[Event], wanted: Wanted) -> bytes:
    kind = inspect.type_info(cls)
    assert isinstance(kind, inspect.StructType)
    aggregate = cls.TOPIC.partition(".")[0]
    filled = _struct(kind, wanted) | {"stream": f"{STREAMS.get(aggregate, aggregate)}_{ID}", "at": NOON}
    return msgspec.json.encode(filled) + b"\n"


def _struct(kind: inspect.StructType, wanted: Wanted) -> dict[str, object]:
    tag = {kind.tag_field: kind.tag} if kind.tag_field else {}
    special = {name: value for (cls, name), value in SPECIAL.items() if cls == kind.cls.__name__}
    return tag | {f.encode_name: special.get(f.name) or _sample(f.type, f.name, wanted) for f in kind.fields if wanted(f)}


def _sample(kind: inspect.Type, name: str, wanted: Wanted) -> object:
    match kind:
        case inspect.UnionType():
            return _sample(next(t for t in kind.types if not isinstance(t, inspect.NoneType)), name, wanted)
        case inspect.StructType():
            return _struct(kind, wanted)
        case inspect.VarTupleType():
            return [_sample(kind.item_type, name, wanted)]
        case inspect.DictType(value_type=inspect.StructType()):
            return {f"{PREFIXES[name]}_{ID}": _sample(kind.value_type, name, wanted)}
        case inspect.DictType():
            return {"hosts": ["deploy@192.0.2.10:22"], "port": 8080, "ssh_key": {"secret": f"sec_{ID}"}}
        case inspect.DateTimeType():
            return LATER
        case inspect.BoolType():
            return True
        case inspect.IntType():
            return 3
        case inspect.FloatType():
            return 900.5
    return f"{PREFIXES[name]}_{ID}" if name in PREFIXES else STRINGS.get(name, f"some {name.replace('_', ' ')}")


def path(topic: str, schema: int, kind: str) -> Path:
    return FOLDER / f"{topic}.v{schema}.{kind}.json"


def main() -> None:
    for topic, cls in EVENTS.items():
        for kind, make in (("full", full), ("minimal", minimal)):
            file = path(topic, schema_of(cls), kind)
            if not file.exists():
                file.write_bytes(make(cls))
                print("wrote", file.name)


if __name__ == "__main__":
    main()
