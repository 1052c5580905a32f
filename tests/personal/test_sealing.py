"""Personal fields in stored JSON: who can open them, where, and what is not sealed."""

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from adapters.event_store.sealing import opened, sealed, whose
from domain.event import Event
from domain.name.events import NameClaimed
from domain.personal import FORGOTTEN, HIDDEN, persons
from domain.registry import EVENTS, UnknownFact, decode, encode
from domain.user.events import TokenIssued, UserCreated
from domain.version.events import VersionCreated
from tests.projections.facts import NOON, samples

KEYS = {"usr_ann": AESGCM(bytes(32)), "usr_bob": AESGCM(bytes([1] * 32))}
ANN = UserCreated(stream="usr_ann", version=1, at=NOON, by="usr_bob", username="ann", email="ann@example.org", roles=("viewer",))


def read(event: Event, state: bytes, keys: dict[str, AESGCM] | None) -> Event:
    return decode(event.TOPIC, opened(event.TOPIC, state, keys))


def test_what_is_sealed_says_whose_it_is_and_nothing_else():
    stored = sealed(ANN, KEYS)
    assert b"ann@" not in stored
    assert stored.startswith(encode(ANN)[:encode(ANN).index(b'"username"')])  # the envelope stays where it is
    assert whose([(ANN.TOPIC, stored)]) == {"usr_ann"}
    assert msgspec.json.decode(stored)["username"]["personal"] == "usr_ann"


def test_with_the_key_it_reads_as_before_without_it_forgotten_and_hidden_to_those_who_have_no_keys():
    stored = sealed(ANN, KEYS)
    assert read(ANN, stored, KEYS) == ANN
    assert read(ANN, stored, {}) == msgspec.structs.replace(ANN, username=FORGOTTEN, email=FORGOTTEN)
    assert read(ANN, stored, None) == decode(ANN.TOPIC, stored) == msgspec.structs.replace(ANN, username=HIDDEN, email=HIDDEN)


@given(st.text(min_size=1), st.text())
def test_any_text_comes_back(name, email):
    event = msgspec.structs.replace(ANN, username=name, email=email)
    assert read(event, sealed(event, KEYS), KEYS) == event


def test_the_same_name_is_never_the_same_bytes():
    assert sealed(ANN, KEYS) != sealed(ANN, KEYS)


@pytest.mark.parametrize("change", [
    lambda fields: fields | {"stream": "usr_bob"},
    lambda fields: fields | {"version": 2},
    lambda fields: fields | {"username": fields["email"]},
    *(lambda fields, part=part: fields | {"username": fields["username"] | part}
      for part in ({"personal": "usr_bob"}, {"sealed": ""}, {"sealed": "!"}, {"sealed": "AAAA"})),
])
def test_elsewhere_or_changed_it_does_not_open(change):
    fields = change(msgspec.json.decode(sealed(ANN, KEYS)))
    with pytest.raises(UnknownFact, match="a sealed field does not open"):
        opened(ANN.TOPIC, msgspec.json.encode(fields), KEYS)


def test_what_is_about_nobody_is_stored_as_it_is():
    for event in (NameClaimed(stream="name_1", version=1, at=NOON, by="usr_ann", kind="version", name="r@v1", owner="ver_1"),
                  VersionCreated(stream="ver_1", version=1, at=NOON, by="usr_ann", git_tag="v1", git_commit="c", repository="r")):
        assert sealed(event, KEYS) == encode(event)
    assert read(ANN, encode(ANN), KEYS) == ANN, "as it was stored before names were sealed"


def test_an_empty_field_is_not_sealed():
    event = msgspec.structs.replace(ANN, email="")
    assert persons(event) == {"username": "usr_ann"}
    assert read(event, sealed(event, KEYS), {}).email == ""


def test_nothing_is_stored_of_somebody_without_a_key():
    token = TokenIssued(stream="tok_1", version=1, at=NOON, by="usr_bob", user_id="usr_gone", name="the laptop")
    assert b"laptop" not in sealed(token, KEYS)
    assert read(token, sealed(token, KEYS), KEYS).name == FORGOTTEN


def test_what_users_wrote_may_look_like_a_sealed_field():
    looks = b'{"schema":1,"stream":"app_1","version":1,"at":"2026-01-01T12:00:00Z","by":"usr_ann","name":"a","repository":"r","type":"t",' \
            b'"config":{"personal":"usr_ann","sealed":"AAAA"}}'
    assert opened("application.created", looks, KEYS) == looks
    assert decode("application.created", looks).config == {"personal": "usr_ann", "sealed": "AAAA"}


@pytest.mark.parametrize("cls", EVENTS.values(), ids=EVENTS.keys())
def test_a_personal_field_is_a_text_and_its_holder_an_id(cls):
    fields = {field.name: field.type for field in msgspec.structs.fields(cls)}
    for personal, holder in cls.PERSONAL.items():
        assert (fields[personal], fields[holder]) == (str, str)


def test_every_field_that_is_called_like_a_person_is_personal():
    """A new one is a decision, as in docs/decisions/0009."""
    named = {(event.TOPIC, field) for event in samples() for field in event.__struct_fields__
             if field in ("username", "email", "mail", "address", "destination", "author", "pusher", "sender", "full_name", "phone")}
    assert named == {("user.created", "username"), ("user.created", "email"), ("notification.requested", "destination")}
    assert all(field in EVENTS[topic].PERSONAL for topic, field in named)
