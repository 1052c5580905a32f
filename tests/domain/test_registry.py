"""What the registry promises: every event has a name of its own and a sentence; old JSON finds its way to today's shape."""

import re

import msgspec
import pytest

from domain.event import Event
from domain.registry import EVENTS, UPCASTS, UnknownFact, decode, encode, schema_of, upcast
from domain.version.events import VersionDeleted
from tests.support.given import NOON

CLASSES = pytest.mark.parametrize("cls", EVENTS.values(), ids=EVENTS.keys())
PAST = re.compile(r"[a-z]+\.(?:[a-z]+_)*[a-z]+")
IRREGULAR = {"sent", "left", "forgotten", "freed", "taken_over", "handed_over", "rolled_back",
             "confirmation_requested", "outcome_unknown", "timed_out"}


@CLASSES
def test_every_event_has_a_topic_of_its_own_that_says_what_happened(cls):
    assert "TOPIC" in vars(cls)
    assert PAST.fullmatch(cls.TOPIC)
    what = cls.TOPIC.partition(".")[2]
    assert what in IRREGULAR or what.endswith("ed"), f"{cls.TOPIC} is no past participle"


@CLASSES
def test_every_event_says_in_a_sentence_what_happened(cls):
    first = (cls.__doc__ or "").strip()
    assert first.endswith((".", "`.")), f"{cls.__name__} has no sentence"
    assert first[0].isupper()


@CLASSES
def test_a_topic_begins_with_the_aggregate_whose_folder_it_stands_in(cls):
    aggregate = cls.__module__.split(".")[1]
    assert cls.TOPIC.partition(".")[0] in {aggregate, *({"token"} if aggregate == "user" else ())}


@CLASSES
def test_every_schema_before_the_present_one_has_a_step_to_the_next(cls):
    assert [n for n in range(1, schema_of(cls)) if (cls.TOPIC, n) not in UPCASTS] == []


def test_no_step_belongs_to_a_fact_or_a_schema_that_does_not_exist():
    assert [(topic, n) for topic, n in UPCASTS if topic not in EVENTS or n >= schema_of(EVENTS[topic])] == []


class HouseBuilt(Event, frozen=True, kw_only=True, tag=3):
    """A made-up fact in its third shape: `height` became `height_m`, then `rooms` came."""

    TOPIC = "house.built"
    height_m: float
    rooms: int


STEPS = {
    ("house.built", 1): lambda fields: {**{k: v for k, v in fields.items() if k != "height"}, "height_m": fields["height"] / 100},
    ("house.built", 2): lambda fields: {**fields, "rooms": 1},
}
FIRST = {"schema": 1, "stream": "house_1", "version": 1, "at": "2026-01-01T12:00:00Z", "by": "usr_ann", "height": 250}


def test_an_old_fact_goes_every_step_to_todays_shape():
    fields = upcast("house.built", FIRST, STEPS, to=3)
    assert msgspec.convert(fields, HouseBuilt) == HouseBuilt(stream="house_1", version=1, at=NOON, by="usr_ann", height_m=2.5, rooms=1)


def test_a_fact_of_the_second_shape_goes_only_the_last_step():
    second = {**FIRST, "schema": 2, "height_m": 4.0}
    assert upcast("house.built", second, STEPS, to=3) == {**second, "schema": 3, "rooms": 1}


def test_a_fact_of_todays_shape_stays_as_it_is():
    assert upcast("house.built", {"schema": 3, "rooms": 2}, STEPS, to=3) == {"schema": 3, "rooms": 2}


@pytest.mark.parametrize("schema", [0, 4, None, "1", 1.5])
def test_a_schema_without_a_way_to_today_is_refused_and_named(schema):
    with pytest.raises(UnknownFact, match=re.escape(repr(schema))):
        upcast("house.built", {**FIRST, "schema": schema}, STEPS, to=3)


def test_steps_do_not_change_what_they_are_given():
    before = dict(FIRST)
    upcast("house.built", FIRST, STEPS, to=3)
    assert before == FIRST


STORED = encode(VersionDeleted(stream="ver_1", version=2, at=NOON, by="usr_ann"))


@pytest.mark.parametrize("state", [
    STORED.replace(b'"schema":1', b'"schema":2'),
    STORED.replace(b'"schema":1', b'"schema":true'),
    STORED.replace(b'"stream"', b'"strm"'),
    STORED.replace(b'"version":2', b'"version":"2"'),
    STORED[:-1],
    b"", b"null", b"[]", b"{}", b'{"schema":1}', b"\xff\xfe", b'{"schema":1,"stream":"\xff"}',
], ids=range(12))
def test_what_cannot_be_read_is_an_unknown_fact_and_never_another_error(state):
    with pytest.raises(UnknownFact):
        decode("version.deleted", state)


def test_a_topic_that_nobody_knows_is_an_unknown_fact():
    with pytest.raises(UnknownFact, match=r"house\.built"):
        decode("house.built", STORED)


def test_the_order_of_the_stored_fields_does_not_matter():
    fields = msgspec.json.decode(STORED)
    reordered = msgspec.json.encode(dict(sorted(fields.items(), reverse=True)))
    assert decode("version.deleted", reordered) == decode("version.deleted", STORED)
