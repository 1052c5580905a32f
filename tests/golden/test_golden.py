"""What has once been stored can be read for ever: every golden file, of every schema, through the registry."""

import re
from pathlib import Path

import msgspec
import pytest

from domain.event import Event
from domain.registry import EVENTS, decode, encode, schema_of
from tests.golden.make import FOLDER, path

FILES = sorted(FOLDER.glob("*.json"))
NAME = re.compile(r"(?P<topic>[a-z_]+\.[a-z_]+)\.v(?P<schema>\d+)\.(?P<kind>full|minimal)\.json")
CLASSES = pytest.mark.parametrize("cls", EVENTS.values(), ids=EVENTS.keys())


def named(file: Path) -> re.Match[str]:
    match = NAME.fullmatch(file.name)
    assert match, f"{file.name}: golden files are called <topic>.v<schema>.full.json or .minimal.json"
    return match


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_golden_file_can_be_read_today(file):
    name = named(file)
    event = decode(name["topic"], file.read_bytes().rstrip(b"\n"))
    assert type(event) is EVENTS[name["topic"]]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_golden_file_says_the_schema_that_its_name_says(file):
    assert msgspec.json.decode(file.read_bytes())["schema"] == int(named(file)["schema"])


@CLASSES
def test_every_event_has_both_files_of_its_present_schema(cls):
    assert [kind for kind in ("full", "minimal") if not path(cls.TOPIC, schema_of(cls), kind).exists()] == [], "run python -m tests.golden.make"


@CLASSES
def test_an_event_is_stored_again_byte_for_byte(cls):
    stored = path(cls.TOPIC, schema_of(cls), "full").read_bytes().rstrip(b"\n")
    assert encode(decode(cls.TOPIC, stored)) == stored, "the event's JSON has changed: give it a new schema and an upcast, keep the old files"


@CLASSES
def test_the_full_file_has_every_field_and_the_minimal_one_only_those_that_must_be_there(cls):
    fields = msgspec.structs.fields(cls)
    full, minimal = (msgspec.json.decode(path(cls.TOPIC, schema_of(cls), kind).read_bytes()) for kind in ("full", "minimal"))
    assert set(full) == {"schema", *(field.name for field in fields)}
    assert set(minimal) == {"schema", *(field.name for field in fields if field.required)}


@CLASSES
def test_what_the_minimal_file_lacks_is_filled_with_the_defaults_and_nothing_else_changes(cls):
    event = minimal(cls)
    assert decode(cls.TOPIC, encode(event)) == event
    defaults = {field.name: default_of(field) for field in msgspec.structs.fields(cls) if not field.required}
    assert {name: getattr(event, name) for name in defaults} == defaults


def minimal(cls: type[Event]) -> Event:
    return decode(cls.TOPIC, path(cls.TOPIC, schema_of(cls), "minimal").read_bytes())


def default_of(field: msgspec.structs.FieldInfo) -> object:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def test_the_generator_never_touches_a_file_that_is_there(tmp_path, monkeypatch):
    from tests.golden import make

    monkeypatch.setattr(make, "FOLDER", tmp_path)
    (tmp_path / "name.freed.v1.full.json").write_text("old")
    make.main()
    assert (tmp_path / "name.freed.v1.full.json").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2 * len(EVENTS)
